import { createHash } from 'node:crypto'
import { contained } from '../../src/gateway/containment.ts'
import { createApp, type HttpParts } from '../../src/http/app.ts'
import type { AuthorizationInput } from '../../src/http/authorization.ts'
import type { DecisionFilter, DecisionSource, StoredDecision } from '../../src/http/decisions.ts'
import type { LiveSession } from '../../src/http/sessions.ts'
import type { OnDecision } from '../../src/http/tail.ts'
import type { Log } from '../../src/model/log.ts'
import type { Session } from '../../src/model/session-event.ts'
import { alice } from './knock.ts'

export const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet }

/** With the digits of a nanosecond, which JSON.parse would not keep. */
export const event = (number: number, kind = 'ssh'): string =>
  JSON.stringify({
    labels: { kind },
    decision_id: id(number),
    timestamp: '2025-11-24T12:00:00.000Z',
    path: 'ssh/decision',
    requested_by: '203.0.113.9:50122',
    input: {},
    mapped_result: { outcome: 'deny', code: 'DENIED_BY_POLICY' },
    exact: 0,
  }).replace(/0}$/, '1763881234567890123}')

/** A decision log in memory, with `count` events to begin with; what is added rings those who read along. */
export function someDecisions(
  count: number,
): DecisionSource & { add(): void; onDecision: OnDecision; asked: object[] } {
  const events: StoredDecision[] = []
  const readers = new Set<() => void>()
  const asked: object[] = []
  const add = (): void => {
    const sequence = events.length + 1
    const timestamp = `2025-11-24T12:00:00.${String(sequence).padStart(3, '0')}Z`
    events.push({ sequence, decisionId: id(sequence), timestamp, bytes: Buffer.from(event(sequence)) })
    for (const wake of readers) wake()
  }
  for (let number = 0; number < count; number++) add()
  return {
    add,
    asked,
    onDecision(wake) {
      readers.add(wake)
      return { [Symbol.dispose]: () => void readers.delete(wake) }
    },
    async list(query) {
      asked.push(query)
      const { before, limit } = query
      const older = events.filter(({ sequence }) => before === undefined || sequence < before.sequence)
      return older.toReversed().slice(0, limit)
    },
    find: async (wanted) => events.find(({ decisionId }) => decisionId === wanted)?.bytes,
    async since(after, filter: DecisionFilter, limit) {
      asked.push(filter)
      const found = events.filter(({ sequence }) => sequence > after).slice(0, limit)
      return { found, reached: found.at(-1)?.sequence ?? after }
    },
    position: async (wanted) =>
      wanted === undefined ? events.length : events.find(({ decisionId }) => decisionId === wanted)?.sequence,
  }
}

/** A whole session; a row changes one thing. */
export const aSession = (number: number, change: Partial<Session> = {}): Session => ({
  id: id(number),
  person: { issuer: 'https://idp', subject: 'sub-alice', username: 'alice' },
  route: 'db1',
  login: 'postgres',
  source: { ip: '203.0.113.9', port: 50122 },
  login_id: id(900),
  started_at: 1_763_880_100 + number,
  certificate: { serial: '17604937294837164928', valid_before: 1_763_880_400 },
  decision_id: id(700 + number),
  ...change,
})
export const aLiveSession = (number: number): LiveSession => ({
  ...aSession(number),
  bytes: { to_client: 10, to_target: number },
})

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Five decisions, three live sessions, one that ended, two logins; the token `secret` may do all, `other` nothing. */
export function anApp(change: Partial<HttpParts> = {}) {
  const asked: AuthorizationInput[] = []
  const done: string[] = []
  const live = new Map([1, 2, 3].map((number) => [id(number), aLiveSession(number)]))
  const decisions = someDecisions(5)
  const login = (number: number) => ({
    id: id(number),
    keyFingerprint: 'SHA256:k',
    prefix: '203.0.113.0/24',
    identity: alice,
    createdAt: 1_763_880_000 + number,
    expiresAt: 1_763_908_800,
  })
  const bytes = { to_client: 7, to_target: 8 }
  const end = { ended_at: 1_763_880_500, code: 'CLIENT_LEFT', message: 'gone', bytes }
  const app = createApp({
    version: '0.0.0',
    decisions,
    onDecision: decisions.onDecision,
    sessions: {
      list: async () => [...live.values()],
      async cut(id) {
        done.push(`cut ${id}`)
        return live.delete(id)
      },
    },
    history: {
      list: async () => [{ sequence: 1, session: aSession(4), end }],
      find: async (wanted) => (wanted === id(4) ? { sequence: 1, session: aSession(4), end } : undefined),
      events: async () => [
        { timestamp: '2025-11-24T12:00:00.000Z', kind: 'opened', what: 'request shell', field: 'permit-shell@regate' },
        { timestamp: '2025-11-24T12:00:01.000Z', kind: 'refused', what: 'request env', because: 'not named' },
        { timestamp: '2025-11-24T12:00:02.000Z', kind: 'exited', channel: 0, status: 0 },
      ],
    },
    logins: {
      list: async ({ limit }) => [login(2), login(1)].slice(0, limit),
      async revoke(id) {
        done.push(`revoke ${id}`)
        return login(1).id === id
      },
    },
    policy: () => ({ revision: 'r1', entrypoints: ['ssh/decision'], loadedAt: 1_763_880_000_000 }),
    whatIf: async (_input, caller) => ({ decisionId: id(8), result: { version: 'ssh/v1', outcome: 'deny', caller } }),
    metrics: async () => 'regate_sessions_live 3\n',
    async authorize(input) {
      asked.push(input)
      return input.identity?.groups.includes('all') === true
    },
    readiness: async () => [{ name: 'policy' }],
    caKeys: async () => ['ssh-ed25519 AAAA ca'],
    hostCaKeys: async () => ['ssh-ed25519 AAAA host-ca'],
    tokens: {
      list: () => [
        { name: 'ci', sha256: sha256('secret'), groups: ['all'] },
        { name: 'other', sha256: sha256('other'), groups: [] },
      ],
      onChange() {},
    },
    contain: contained,
    faulted() {},
    log: quiet,
    ...change,
  })
  return {
    app,
    asked,
    done,
    decisions,
    get: (url: string, token?: string) =>
      app.inject({ url, ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }) }),
  }
}
