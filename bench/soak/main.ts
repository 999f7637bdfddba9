/**
 * Mixed load on one gateway for a long time: its memory stays what it is, no record is lost, nothing fails.
 *
 *     node bench/soak/main.ts --minutes 30
 *
 * Ends with 1 when something failed. From fifteen minutes on, memory that grows is a failure too.
 */
import { mkdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { acceptedBy, decisionsOf, faultsOfLog } from '../../test/support/whole-log.ts'
import { api, type GatewayProcess } from '../../test/support/world.ts'
import { type Ground, prepareGround } from '../ground.ts'
import { openSessions } from '../sessions.ts'
import { quantileOf } from '../statistics.ts'
import { pidOf } from '../way-rows.ts'
import { lanes, type Place, pause, startEcho, withForwards } from './load.ts'
import { Tally } from './tally.ts'
import { type Memory, type Slope, Watch } from './watch.ts'

/** Live through all of it, their certificates renewed. */
const idleSessions = 20
/** Milliseconds. */
const lookEvery = 2_000
const killEvery = 45_000
const sayEvery = 60_000
/** Minutes from which growth is told from noise. */
const judgedFrom = 15
/** Bytes an hour: more than this, by two standard errors, is growth. */
const growthMost = 30e6
/** What may be open at the end beyond what was at the beginning: connections of the HTTP client, files begun when first needed. */
const descriptorsMost = 10

async function soak(minutes: number, interrupted: AbortSignal): Promise<boolean> {
  await using ground = await prepareGround()
  await using echo = await startEcho()
  const replace = await ground.nextBundle((data) => withForwards(data, [`127.0.0.1:${echo.port}`]))
  replace()
  const heaps = ground.workspace.path('heaps')
  mkdirSync(heaps)
  const preload = new URL('heap.ts', import.meta.url).href
  const env = { NODE_OPTIONS: `--import=${preload} --disable-warning=ExperimentalWarning`, SOAK_HEAPS: heaps }
  const tally = new Tally()
  const work = async (gateway: GatewayProcess): Promise<readonly Memory[]> => {
    const config = ground.configure('soak', gateway)
    await ground.signIn(config)
    tally.logins++
    const watch = new Watch(pidOf(gateway), heaps)
    await underLoad({ ground, gateway, config, echo: echo.port, tally }, watch, minutes, interrupted)
    await settled(gateway, tally)
    watch.look()
    await checkLog(ground, gateway, tally)
    return watch.memory()
  }
  const memory = await ground.withGateway(work, { workers: 'default', env })
  report(minutes, tally, memory)
  return tally.faults.length === 0
}

/** Every lane at once, until the time is up; what is under way then ends by itself. */
async function underLoad(place: Place, watch: Watch, minutes: number, interrupted: AbortSignal): Promise<void> {
  const { ground, gateway, tally } = place
  const over = AbortSignal.any([AbortSignal.timeout(minutes * 60_000), interrupted])
  watch.look()
  await using idle = await openSessions(ground.access(gateway), idleSessions, interrupted)
  tally.logins += idleSessions
  const looking = setInterval(() => watch.look(), lookEvery)
  const saying = setInterval(() => console.error(`soak: ${tally.text()}`), sayEvery)
  try {
    await Promise.all([
      ...Object.entries(lanes).map(([name, lane]) => tally.lane(name, over, () => lane(place, over))),
      killing(watch, tally, over),
    ])
  } finally {
    clearInterval(looking)
    clearInterval(saying)
  }
  if (idle.ended > 0 && tally.kills === 0) tally.fault(`${idle.ended} of ${idleSessions} idle sessions ended`)
  interrupted.throwIfAborted()
}

/** Kills the youngest worker now and then, where there is more than one; the others' memory is watched to the end. */
async function killing(watch: Watch, tally: Tally, over: AbortSignal): Promise<void> {
  for (;;) {
    await pause(killEvery, over)
    if (over.aborted) return
    const [, oldest, ...others] = watch.processes
    const youngest = others.at(-1)
    if (oldest === undefined || youngest === undefined) continue
    tally.killed()
    process.kill(youngest, 'SIGKILL')
  }
}

/** Milliseconds. */
const settleMost = 15_000

/** Resolves when no session is live any more. */
async function settled(gateway: GatewayProcess, tally: Tally): Promise<void> {
  const end = performance.now() + settleMost
  for (;;) {
    const { sessions } = (await (await api(gateway, '/v1/sessions')).json()) as { sessions: unknown[] }
    if (sessions.length === 0) break
    if (performance.now() > end) return tally.fault(`${sessions.length} sessions live on without a client`)
    await wait(100)
  }
  await wait(settleMost / 3) // sockets that are closed, and garbage
}

/** What the clients and the target have seen is in the log, and the gateway has met no fault. */
async function checkLog({ workspace, sshd }: Ground, gateway: GatewayProcess, tally: Tally): Promise<void> {
  const accepted = acceptedBy(sshd.log)
  const decisions = await decisionsOf(gateway)
  for (const fault of faultsOfLog(workspace, accepted, decisions)) tally.fault(fault)
  if (new Set(accepted).size < tally.logins)
    tally.fault(`${tally.logins} logins succeeded, and the target knows of ${new Set(accepted).size}`)
  for (const line of gateway.lines.filter((line) => isFault(line, tally.kills > 0))) tally.fault(`the gateway: ${line}`)
  console.log(`${tally.logins} logins, ${accepted.length} at the target, ${decisions.length} decisions in the log`)
}

/** Of a line of the gateway's log; a worker's death is told as an error, and is one only when nobody killed it. */
function isFault(line: string, someWereKilled: boolean): boolean {
  try {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string }
    return level >= 50 && !(someWereKilled && msg.includes('worker'))
  } catch {
    return true
  }
}

function report(minutes: number, tally: Tally, memory: readonly Memory[]): void {
  console.log(`${tally.text()}; ${tally.kills} workers killed`)
  const cut = ([0.5, 0.99] as const).map(
    (part) => `p${part * 100} ${quantileOf(tally.revocations, part).toFixed(0)} ms`,
  )
  console.log(`from a revocation to the end of the session at its client: ${cut.join(', ')}`)
  for (const { pid, resident, heap, descriptors, residentSlope, heapSlope } of memory) {
    const { first, last } = descriptors
    console.log(
      `process ${pid}: resident ${megabytes(resident)} MB (${slopeText(residentSlope)}), heap ${megabytes(heap)} MB (${slopeText(heapSlope)}), descriptors ${first} to ${last}`,
    )
    if (last > first + descriptorsMost) tally.fault(`process ${pid} has ${last - first} descriptors more`)
    if (minutes < judgedFrom) continue
    for (const { slope, error } of [residentSlope, heapSlope])
      if (!(slope - 2 * error <= growthMost)) tally.fault(`the memory of process ${pid} grows`)
  }
  if (minutes < judgedFrom)
    console.log(`Too short to tell growth of memory from its first minutes: ${judgedFrom} or more are.`)
  console.log(
    tally.faults.length === 0 ? 'nothing failed' : `${tally.faults.length} faults:\n${tally.faults.join('\n')}`,
  )
}
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
const slopeText = ({ slope, error }: Slope): string => `${megabytes(slope)} ± ${megabytes(error)} MB/h`

/** Minutes; not a number for arguments that nobody knows. */
function asked(): number {
  try {
    return Number(parseArgs({ options: { minutes: { type: 'string', default: '30' } } }).values.minutes)
  } catch {
    return Number.NaN
  }
}

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error(`ended by ${name}`)))
const minutes = asked()
if (!(minutes > 0)) {
  console.error('usage: node bench/soak/main.ts [--minutes 30]')
  process.exitCode = 2
} else
  try {
    process.exitCode = (await soak(minutes, interrupted.signal)) ? 0 : 1
  } catch (thrown) {
    console.error(`soak: ${(thrown as Error).message}`)
    process.exitCode = 1
  }
