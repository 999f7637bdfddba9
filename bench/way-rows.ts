import { countsOf } from '../test/support/counts.ts'
import type { GatewayProcess } from '../test/support/world.ts'
import type { Ground } from './ground.ts'
import { measureBurst, measureLogin, measureSustained, type Sustained } from './login.ts'
import { measureMany } from './many.ts'
import { openSessions } from './sessions.ts'
import type { Size } from './sizes.ts'
import { atLeast, atMost, inMegabytes, inMilliseconds, type Row, rowsOf } from './table.ts'
import { type Load, measureThroughput } from './throughput.ts'
import { type ByWay, ways } from './ways.ts'

/** All can do it, so that the ways differ in nothing but the way. */
const keyExchange = 'curve25519-sha256'
export const sameKeyExchange: readonly string[] = [`KexAlgorithms ${keyExchange}`]

export async function loginRows(
  ground: Ground,
  gateway: GatewayProcess,
  { logins, burst, crowd, sustained }: Size,
  signal: AbortSignal,
): Promise<Row[]> {
  const same = ground.configure('same-kex', gateway, sameKeyExchange)
  const defaults = ground.configure('defaults', gateway)
  await ground.signIn(same)
  const login = await measureLogin(same, logins, signal)
  const loginByDefault = await measureLogin(defaults, logins, signal)
  const { p50, p99, failures } = await measureBurst(same, burst, signal)
  return [
    ...rowsOf(`login to true, ${keyExchange}`, login, inMilliseconds, (ratio) => atMost(0.6, ratio)),
    ...rowsOf('login to true, client’s defaults', loginByDefault, inMilliseconds, (ratio) => atMost(0.6, ratio)),
    ...rowsOf(`${burst.logins} logins at once, p50`, p50, inMilliseconds),
    ...rowsOf(`${burst.logins} logins at once, p99`, p99, inMilliseconds, (ratio) => atMost(1, ratio)),
    ...failureRows(`${burst.logins} logins at once, failed of ${burst.logins * burst.rounds}`, failures),
    ...(await commitRows(ground, gateway, crowd, signal)),
    ...(await rateRows(ground, gateway, sustained, signal)),
  ]
}

const failureRows = (figure: string, failures: ByWay): Row[] =>
  ways.map((way) => ({
    figure,
    way,
    value: `${failures[way]}`,
    ...(way === 'gateway' ? { goal: { ...atMost(0, failures[way]), text: 'none' } } : {}),
  }))

/** How many decisions one commit makes durable, and so one fsync. */
async function commitRows(
  ground: Ground,
  gateway: GatewayProcess,
  logins: number,
  signal: AbortSignal,
): Promise<Row[]> {
  const before = await countsOf(gateway)
  await using _sessions = await openSessions(ground.access(gateway), logins, signal, logins)
  const after = await countsOf(gateway)
  const perCommit = (after.decisions - before.decisions) / (after.commits - before.commits)
  return [{ figure: `decisions per commit at ${logins} logins at once`, value: perCommit.toFixed(1) }]
}

/** Logins a second. */
export async function rateRows(
  ground: Ground,
  gateway: GatewayProcess,
  sustained: Sustained,
  signal: AbortSignal,
): Promise<Row[]> {
  const config = ground.configure('rate', gateway, sameKeyExchange)
  await ground.signIn(config)
  const rate = await measureSustained(config, sustained, signal)
  const figure = `logins, ${sustained.lanes} clients at a time`
  return rowsOf(
    figure,
    rate,
    (value) => `${value.toFixed(1)} /s`,
    (ratio) => atLeast(0.7, ratio),
  )
}

const ciphers = ['aes128-gcm', 'chacha20-poly1305'] as const
type Cipher = (typeof ciphers)[number]
/** Of direct ssh. */
const rateGoals: Record<Cipher, Record<'down' | 'up', number>> = {
  'aes128-gcm': { down: 0.75, up: 1 },
  'chacha20-poly1305': { down: 0.6, up: 0.6 },
}
/** Of what ssh and sshd take. */
const processorGoal = 0.8

const cipherConfig = (ground: Ground, gateway: GatewayProcess, cipher: Cipher): string =>
  ground.configure(cipher, gateway, [...sameKeyExchange, `Ciphers ${cipher}@openssh.com`])

export async function throughputRows(
  ground: Ground,
  gateway: GatewayProcess,
  transfers: Load,
  signal: AbortSignal,
): Promise<Row[]> {
  const processes = { gateway: pidOf(gateway), target: pidOf(ground.sshd.process) }
  const rows: Row[] = []
  for (const cipher of ciphers) {
    const config = cipherConfig(ground, gateway, cipher)
    await ground.signIn(config)
    for (const direction of ['down', 'up'] as const) {
      const measured = await measureThroughput(direction, config, processes, transfers, signal)
      const goal = cipher === 'aes128-gcm' ? (ratio: number) => atMost(processorGoal, ratio) : undefined
      rows.push(
        ...rowsOf(`throughput ${direction}, ${cipher}`, measured.rate, inMegabytes, (ratio) =>
          atLeast(rateGoals[cipher][direction], ratio),
        ),
        ...rowsOf(`processor time ${direction}, ${cipher}`, measured.secondsPerGigabyte, inSecondsPerGigabyte, goal),
      )
    }
  }
  return rows
}
const inSecondsPerGigabyte = (seconds: number): string => `${seconds.toFixed(2)} s/GB`

export async function manyRows(
  ground: Ground,
  gateway: GatewayProcess,
  { sessions, ...load }: Size['many'],
  signal: AbortSignal,
): Promise<Row[]> {
  const config = cipherConfig(ground, gateway, 'aes128-gcm')
  await ground.signIn(config)
  const rows: Row[] = []
  for (const direction of ['down', 'up'] as const) {
    const rate = await measureMany(direction, config, sessions, load, signal)
    rows.push(...rowsOf(`${sessions} sessions ${direction}, sum`, rate, inMegabytes, (ratio) => atLeast(0.6, ratio)))
  }
  return rows
}

export function pidOf({ child: { pid } }: Pick<GatewayProcess, 'child'>): number {
  if (pid === undefined) throw new Error('the process did not start')
  return pid
}
