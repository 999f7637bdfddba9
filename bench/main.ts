/**
 * How fast the gateway is, beside direct ssh and a jump host: the real ssh, sshd and gateway, on this machine.
 *
 *     node bench/main.ts            # some eight minutes
 *     node bench/main.ts --quick    # two, and rougher figures
 *     node bench/main.ts files      # one part, or several: ways, decisions, sessions, changes, files, refusals
 *
 * It is no test: a goal that is missed is printed as such, and the exit code stays 0.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { nativeCiphers } from '../src/ssh/ssh2.ts'
import type { GatewayProcess } from '../test/support/world.ts'
import { type Changes, changeRows } from './changes.ts'
import { fileRows } from './files.ts'
import { bundle, type Ground, prepareGround } from './ground.ts'
import { measureLogin } from './login.ts'
import { measureMemory } from './memory.ts'
import { measurePolicy } from './policy.ts'
import { atLeast, atMost, type Goal, printTable, type Row } from './table.ts'
import { type Load, measureThroughput } from './throughput.ts'
import { timingRows } from './timing.ts'
import { type ByWay, type Way, wayNames } from './ways.ts'

interface Size {
  readonly logins: number
  readonly transfers: Load
  readonly decisions: number
  readonly sessions: number
  readonly changes: Changes
  readonly files: Load
  /** Of either kind. */
  readonly refusals: number
}
const whole: Size = {
  logins: 30,
  transfers: { bytes: 400e6, rounds: 5 },
  decisions: 20_000,
  sessions: 400,
  changes: { sessions: 500, seconds: 10 },
  files: { bytes: 2 * 1024 ** 3, rounds: 4 },
  refusals: 200,
}
const quick: Size = {
  logins: 6,
  transfers: { bytes: 100e6, rounds: 2 },
  decisions: 5_000,
  sessions: 100,
  changes: { sessions: 100, seconds: 4 },
  files: { bytes: 512 * 1024 ** 2, rounds: 2 },
  refusals: 50,
}

/** All can do it, so that the ways differ in nothing but the way. */
const keyExchange = 'curve25519-sha256'
const ciphers = ['aes128-gcm', 'chacha20-poly1305'] as const

async function bench(size: Size, asked: readonly Part[], signal: AbortSignal): Promise<void> {
  console.log(machine())
  await using ground = await prepareGround()
  const rows: Row[] = []
  for (const part of asked) rows.push(...(await parts[part](ground, size, signal)))
  console.log(`\n${printTable(rows)}\n\n${notes(size)}`)
}

type Part = 'ways' | 'decisions' | 'sessions' | 'changes' | 'files' | 'refusals'
const parts: Readonly<Record<Part, (ground: Ground, size: Size, signal: AbortSignal) => Promise<Row[]>>> = {
  ways: (ground, size, signal) => ground.withGateway((gateway) => wayRows(ground, gateway, size, signal)),
  decisions: (_ground, size, signal) => decisionRows(size, signal),
  sessions: (ground, size, signal) => ground.withGateway((gateway) => sessionRows(ground, gateway, size, signal)),
  changes: (ground, { changes }, signal) =>
    ground.withGateway((gateway) => changeRows(ground, gateway, changes, say, signal)),
  files: (_ground, { files }, signal) => fileRows(files, say, signal),
  refusals: (ground, { refusals }, signal) =>
    ground.withGateway(async (gateway) => {
      say('refusals')
      await ground.signIn(ground.configure('refusals', gateway))
      return timingRows(ground.access(gateway), refusals, signal)
    }),
}
const partNames = Object.keys(parts) as Part[]

async function wayRows(
  ground: Ground,
  gateway: GatewayProcess,
  { logins, transfers }: Size,
  signal: AbortSignal,
): Promise<Row[]> {
  const sameKex = [`KexAlgorithms ${keyExchange}`]
  const same = ground.configure('same-kex', gateway, sameKex)
  const defaults = ground.configure('defaults', gateway)
  await ground.signIn(same)

  say('login, the same key exchange on all three ways')
  const login = await measureLogin(same, logins, signal)
  say('login, the client’s own defaults')
  const loginByDefault = await measureLogin(defaults, logins, signal)
  return [
    ...rowsOf(`login to true, ${keyExchange}`, login, inMilliseconds, (ratio) => atMost(0.9, ratio)),
    ...rowsOf('login to true, client’s defaults', loginByDefault, inMilliseconds),
    ...(await throughputRows(ground, gateway, sameKex, transfers, signal)),
  ]
}

async function throughputRows(
  ground: Ground,
  gateway: GatewayProcess,
  sameKex: readonly string[],
  transfers: Load,
  signal: AbortSignal,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const cipher of ciphers) {
    const config = ground.configure(cipher, gateway, [...sameKex, `Ciphers ${cipher}@openssh.com`])
    for (const direction of ['down', 'up'] as const) {
      const figure = `${direction}, ${cipher}`
      say(`throughput ${figure}`)
      const { rate, secondsPerGigabyte } = await measureThroughput(direction, config, pidOf(gateway), transfers, signal)
      rows.push(...rowsOf(`throughput ${figure}`, rate, inMegabytes, (ratio) => atLeast(0.6, ratio)))
      rows.push({ figure: `processor time ${figure}: gateway`, value: `${secondsPerGigabyte.toFixed(2)} s/GB` })
    }
  }
  return rows
}

async function decisionRows({ decisions }: Size, signal: AbortSignal): Promise<Row[]> {
  say('policy decisions')
  const { p50, p99, p999, perSecond } = await measurePolicy(bundle, decisions, signal)
  const row = (figure: string, microseconds: number): Row => ({
    figure: `policy decision, ${figure}`,
    value: `${Math.round(microseconds)} us`,
  })
  return [
    row('p50', p50),
    { ...row('p99', p99), goal: atMost(300, p99, ' us') },
    row('p99.9', p999),
    { figure: 'policy decisions, one after the other', value: `${Math.round(perSecond)} /s` },
  ]
}

/** In a process of its own, which has not been stretched by transfers. */
async function sessionRows(
  ground: Ground,
  gateway: GatewayProcess,
  { sessions }: Size,
  signal: AbortSignal,
): Promise<Row[]> {
  say(`memory of ${sessions} sessions`)
  const { base, perSession } = await measureMemory(pidOf(gateway), ground.access(gateway), sessions, signal)
  return [
    { figure: 'memory before any session', value: `${(base / 1e6).toFixed(0)} MB` },
    {
      figure: `memory per live session (of ${sessions})`,
      value: `${(perSession / 1e3).toFixed(1)} KB`,
      goal: atMost(60, perSession / 1e3, ' KB'),
    },
  ]
}

function pidOf({ child: { pid } }: GatewayProcess): number {
  if (pid === undefined) throw new Error('the gateway has no process')
  return pid
}

function rowsOf(
  figure: string,
  values: ByWay,
  write: (value: number) => string,
  goal?: (ratio: number) => Goal,
): Row[] {
  return (['direct', 'gateway', 'jump'] as const satisfies Way[]).map((way) => {
    const ratio = values[way] / values.direct
    const own = way === 'gateway' && goal !== undefined ? { goal: goal(ratio) } : {}
    return { figure: `${figure}: ${wayNames[way]}`, value: write(values[way]), ratio, ...own }
  })
}

const inMilliseconds = (value: number): string => `${value.toFixed(0)} ms`
const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB/s`

/** What the figures depend on. Figures of a machine that has other work are worth little. */
function machine(): string {
  const cores = availableParallelism()
  const load = loadavg()[0] ?? 0
  const ssh = /^[^,\s]+/.exec(execFileSync('sh', ['-c', 'ssh -V 2>&1'], { encoding: 'utf8' }))?.[0] ?? 'ssh'
  const ciphers = nativeCiphers ? 'with native ciphers' : 'without native ciphers: make deps builds them'
  return [
    `${cores} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.toFixed(2)}`,
    `Node.js ${process.version} (${ciphers}), ${ssh}`,
    ...(load > cores / 4 ? ['The machine has other work: the ratios may hold, the figures beside them will not.'] : []),
  ].join('\n')
}

const notes = ({ logins, transfers, decisions }: Size): string =>
  [
    `Logins: median of ${logins} rounds, the person is known already. Throughput: median of ${transfers.rounds} rounds of`,
    `${transfers.bytes / 1e6} MB, ${keyExchange}, login not counted. Each round goes all three ways.`,
    `Decisions: ${decisions}, the shipped policy, through the worker. Memory: resident, of the gateway’s process.`,
    'MB and KB are 1000000 and 1000 bytes. The goals are for two cores, on which client, gateway and target run together.',
  ].join('\n')

const say = (stage: string): void => console.error(`bench: ${stage}`)

/** Undefined for arguments that nobody knows. */
function asked(): { readonly size: Size; readonly parts: readonly Part[] } | undefined {
  try {
    const options = { quick: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    if (!positionals.every((name) => Object.hasOwn(parts, name))) return undefined
    const some = partNames.filter((name) => positionals.includes(name))
    return { size: values.quick ? quick : whole, parts: some.length > 0 ? some : partNames }
  } catch {
    return undefined
  }
}

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error(`ended by ${name}`)))
try {
  const wish = asked()
  if (wish !== undefined) await bench(wish.size, wish.parts, interrupted.signal)
  else {
    console.error(`usage: node bench/main.ts [--quick] [${partNames.join('|')}]…`)
    process.exitCode = 2
  }
} catch (thrown) {
  const fault = (interrupted.signal.aborted ? interrupted.signal.reason : thrown) as Error
  console.error(`bench: ${fault.message}`)
  process.exitCode = 1
}
