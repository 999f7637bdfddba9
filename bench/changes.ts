import { setTimeout as wait } from 'node:timers/promises'
import type { PolicyData } from '../demo/bundle-data.ts'
import { api, type GatewayProcess } from '../test/support/world.ts'
import type { Ground } from './ground.ts'
import { type Access, type LiveSessions, openSession, openSessions, openStockSessions } from './sessions.ts'
import { quantileOf } from './statistics.ts'
import { atMost, type Row } from './table.ts'

/** Live sessions whose login is revoked. */
export interface Revocations {
  /** Connections of one process, which costs the machine little. */
  readonly light: number
  /** Of the stock ssh, a process each. */
  readonly stock: number
}

/** What changes under live sessions, and how soon they feel it. */
export interface Changes {
  /** Live ones. */
  readonly sessions: number
  /** How long people log in while bundles are replaced. */
  readonly seconds: number
}

/** Milliseconds from a change to the end of a session, at its client. */
const cutGoal = 1_000

export async function revocationRows(
  ground: Ground,
  gateway: GatewayProcess,
  { light, stock }: Revocations,
  say: (stage: string) => void,
  signal: AbortSignal,
): Promise<Row[]> {
  const config = ground.configure('revocations', gateway)
  const access = ground.access(gateway)
  const revoke = (): Promise<void> => revokeAll(gateway)
  await ground.signIn(config)
  say(`a login revoked under ${light} sessions`)
  const byLight = await cutsBy(revoke, await openSessions(access, light, signal), light)
  await ground.signIn(config)
  say(`the same under ${stock} of the stock ssh`)
  const byStock = await cutsBy(revoke, await openStockSessions(config, stock, signal), stock)
  return [
    ...cutRows(`a login’s revocation to the cut (of ${light} sessions)`, byLight),
    ...cutRows(`the same, each client a process (of ${stock})`, byStock),
  ]
}

export async function changeRows(
  ground: Ground,
  gateway: GatewayProcess,
  { sessions, seconds }: Changes,
  say: (stage: string) => void,
  signal: AbortSignal,
): Promise<Row[]> {
  const access = ground.access(gateway)
  await ground.signIn(ground.configure('changes', gateway))

  say(`the policy’s data changed under ${sessions} sessions: all are asked about again`)
  const renewalsPerSecond = await measureRenewals(ground, gateway, access, sessions, signal)
  say('the same, and all are denied')
  const frozen = await cutsBy(await ground.nextBundle(freeze), await openSessions(access, sessions, signal), sessions)
  await inForce(gateway, await ground.nextBundle((data) => data))
  say('logins while bundles are replaced')
  const { still, replaced, reloads, failures } = await measureReload(ground, gateway, access, seconds, signal)
  return [
    ...cutRows(`a change of data to the cut (of ${sessions} sessions)`, frozen),
    { figure: 'renewals when all are asked at once', value: `${Math.round(renewalsPerSecond)} /s` },
    { figure: 'logins by the light client, eight at once', value: `${still.toFixed(1)} /s` },
    { figure: `the same while the bundle is replaced ${reloads} times`, value: `${replaced.toFixed(1)} /s` },
    { figure: 'logins that failed meanwhile', value: `${failures}`, goal: { ...atMost(0, failures), text: 'none' } },
  ]
}

const cutRows = (figure: string, milliseconds: readonly number[]): Row[] =>
  ([0.5, 0.99] as const).map((part) => {
    const value = quantileOf(milliseconds, part)
    const goal = part === 0.99 ? { goal: atMost(cutGoal, value, ' ms') } : {}
    return { figure: `${figure}, p${part * 100}`, value: `${value.toFixed(0)} ms`, ...goal }
  })

/** Milliseconds from the beginning of the change to the end of each session. */
async function cutsBy(change: () => Promise<void> | void, opened: LiveSessions, sessions: number): Promise<number[]> {
  await using live = opened
  if (live.ended > 0) throw new Error(`${live.ended} of ${sessions} sessions ended by themselves`)
  const begun = performance.now()
  await change()
  await Promise.race([live.allEnded, overdue(live, sessions)])
  return live.ends.map((end) => end - begun)
}

/** Milliseconds. */
const patience = 30_000
async function overdue(live: { readonly ended: number }, sessions: number): Promise<never> {
  await wait(patience, undefined, { ref: false })
  throw new Error(`${sessions - live.ended} of ${sessions} sessions live on`)
}

async function revokeAll(gateway: GatewayProcess): Promise<void> {
  for (const id of await loginIds(gateway)) await revoke(gateway, id)
}

/** Of the logins that are kept; 500 at most. */
export async function loginIds(gateway: GatewayProcess): Promise<string[]> {
  const answer = await api(gateway, '/v1/logins?limit=500')
  return ((await answer.json()) as { logins: { id: string }[] }).logins.map(({ id }) => id)
}

export async function revoke(gateway: GatewayProcess, login: string): Promise<void> {
  const { status } = await api(gateway, `/v1/logins/${login}`, 'DELETE')
  if (status !== 204) throw new Error(`DELETE answered ${status}`)
}

const freeze = (data: PolicyData): PolicyData => ({ ...data, access: { ...data.access, freeze: ['web1'] } })
/** Changes nothing for anybody, and is another bundle. */
export const another =
  (number: number) =>
  (data: PolicyData): PolicyData => ({ ...data, access: { ...data.access, networks: [`192.0.2.${number % 256}/32`] } })

export async function inForce(gateway: GatewayProcess, replace: () => void): Promise<void> {
  const heard = gateway.lines.length
  replace()
  await lines(gateway, heard, /another bundle is in force/, 1)
}

/** The next so many lines that match. */
async function lines(gateway: GatewayProcess, from: number, pattern: RegExp, count: number): Promise<string[]> {
  const end = performance.now() + patience
  for (;;) {
    const found = gateway.lines.slice(from).filter((line) => pattern.test(line))
    if (found.length >= count) return found
    if (performance.now() > end) throw new Error(`${found.length} of ${count} lines ${pattern}`)
    await wait(10)
  }
}

/** By the gateway's own clock, from the first certificate that was renewed to the last. */
async function measureRenewals(
  ground: Ground,
  gateway: GatewayProcess,
  access: Access,
  sessions: number,
  signal: AbortSignal,
): Promise<number> {
  await using _live = await openSessions(access, sessions, signal)
  const heard = gateway.lines.length
  const replace = await ground.nextBundle(another(0))
  replace()
  const renewed = await lines(gateway, heard, /"msg":"certificate renewed"/, sessions)
  const times = renewed.map((line) => (JSON.parse(line) as { time: number }).time)
  return (1_000 * sessions) / (Math.max(...times) - Math.min(...times))
}

interface ReloadFigures {
  /** Logins a second, without and with reloads. */
  readonly still: number
  readonly replaced: number
  readonly reloads: number
  readonly failures: number
}

async function measureReload(
  ground: Ground,
  gateway: GatewayProcess,
  access: Access,
  seconds: number,
  signal: AbortSignal,
): Promise<ReloadFigures> {
  const before = await logIn(access, seconds, signal)
  let reloads = 0
  let over = false
  const replacing = (async () => {
    while (!over) await inForce(gateway, await ground.nextBundle(another(++reloads)))
  })()
  const meanwhile = await logIn(access, seconds, signal)
  over = true
  await replacing
  return {
    still: before.done / seconds,
    replaced: meanwhile.done / seconds,
    reloads,
    failures: before.failures + meanwhile.failures,
  }
}

/** Each login runs a program, which answers, and leaves. */
async function logIn(
  access: Access,
  seconds: number,
  signal: AbortSignal,
): Promise<{ done: number; failures: number }> {
  const end = performance.now() + seconds * 1_000
  const counts = { done: 0, failures: 0 }
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      signal.throwIfAborted()
      try {
        await using _session = await openSession(access, () => {})
        counts.done++
      } catch {
        counts.failures++
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  return counts
}
