import { Client } from '../src/ssh/ssh2.ts'
import type { Access } from './sessions.ts'
import { medianOf, rankTest } from './statistics.ts'
import { atLeast, type Row } from './table.ts'

/** Of a route that is there and denied, and of none. */
const routes = { denied: 'db1', unknown: 'nosuch' } as const
type Kind = keyof typeof routes

/** Whether how long a refusal takes tells a person who has signed in which routes are there: the two in turn, `each` of either. */
export async function timingRows(access: Access, each: number, signal: AbortSignal): Promise<Row[]> {
  const times: Record<Kind, number[]> = { denied: [], unknown: [] }
  for (let round = -warmUp; round < each; round++)
    for (const kind of round % 2 === 0 ? (['denied', 'unknown'] as const) : (['unknown', 'denied'] as const)) {
      signal.throwIfAborted()
      const time = await refusal({ ...access, username: `deploy@${routes[kind]}` })
      if (round >= 0) times[kind].push(time)
    }
  const { z, p } = rankTest(times.denied, times.unknown)
  const row = (kind: Kind): Row => ({
    figure: `refusal of a route that is ${kind}, median of ${each}`,
    value: `${medianOf(times[kind]).toFixed(2)} ms`,
  })
  return [
    row('denied'),
    row('unknown'),
    {
      figure: 'these two told apart (Mann-Whitney)',
      value: `z ${z.toFixed(2)}, p ${p.toFixed(3)}`,
      goal: { ...atLeast(0.01, p), text: 'p >= 0.01' },
    },
  ]
}

const warmUp = 10

/** Milliseconds from the end of the key exchange to the end of the connection. */
async function refusal({ port, username, privateKey, hostKey }: Access): Promise<number> {
  const client = new Client()
  let begun = Number.NaN
  let letIn = false
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  client
    .on('handshake', () => (begun = performance.now()))
    .on('ready', () => {
      letIn = true
      client.end()
    })
    .on('error', () => {})
    .on('close', close)
  client.connect({
    host: '127.0.0.1',
    port,
    username,
    privateKey,
    readyTimeout: 30_000,
    hostVerifier: (shown: Buffer) => shown.equals(hostKey),
  })
  await closed
  if (letIn || Number.isNaN(begun)) throw new Error(`${username} was ${letIn ? 'let in' : 'not asked'}`)
  return performance.now() - begun
}
