import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionEnd, SessionEvent } from '../../src/model/session-event.ts'
import type { Milliseconds, UnixSeconds } from '../../src/model/units.ts'
import { Journal } from '../../src/store/journal.ts'
import { openStore } from '../../src/store/open.ts'
import { type EndedQuery, eventsMost } from '../../src/store/sessions.ts'
import { usualLimits } from '../../src/store/sqlite.ts'
import { aSession, id } from '../support/http.ts'
import { makeWorkspace, type Workspace } from '../support/workspace.ts'

const at = (seconds: number): UnixSeconds => seconds as UnixSeconds
const timestamp = '2025-11-24T12:00:00.000Z'
const opened: SessionEvent = { timestamp, kind: 'opened', what: 'request shell', field: 'permit-shell@regate' }
const refused = (because: string): SessionEvent => ({ timestamp, kind: 'refused', what: 'request env', because })
const end = (ended_at: number): SessionEnd => ({
  ended_at,
  code: 'CLIENT_LEFT',
  message: 'gone',
  bytes: { to_client: 1, to_target: 2 },
})
const open = (workspace: Workspace, gateway = 'eu-1', carrier = { run: 'run-1', worker: 1 }) =>
  openStore(`sqlite:${workspace.path('regate.db')}`, usualLimits, {
    gateway,
    ...carrier,
    lost: (_count, fault) => assert.fail(fault),
  })

test('a session is found with what happened in it, live and ended', async () => {
  using workspace = makeWorkspace()
  await using store = await open(workspace)
  const { sessions } = store
  sessions.began(aSession(1))
  sessions.event(id(1), opened)
  assert.deepEqual(await sessions.find(id(1)), { sequence: 1, session: aSession(1) })
  sessions.event(id(1), refused('not named'))
  sessions.ended(id(1), end(50))
  sessions.event(id(1), refused('too late'))
  assert.deepEqual(await sessions.find(id(1)), { sequence: 1, session: aSession(1), end: end(50) })
  assert.deepEqual(await sessions.events(id(1)), [opened, refused('not named')])
  assert.deepEqual([await sessions.find(id(2)), await sessions.events(id(2))], [undefined, []])
})
test('a renewal is the session’s certificate from then on', async () => {
  using workspace = makeWorkspace()
  await using store = await open(workspace)
  const certificate = { serial: '18446744073709551615', valid_before: 1_763_880_700 }
  store.sessions.began(aSession(1))
  store.sessions.event(id(1), { timestamp, kind: 'renewed', decision_id: id(9), certificate })
  assert.deepEqual((await store.sessions.find(id(1)))?.session, aSession(1, { certificate }))
})
test('what peers wrote is kept without control characters, and not without end', async () => {
  using workspace = makeWorkspace()
  await using store = await open(workspace)
  store.sessions.began(aSession(1))
  store.sessions.event(id(1), refused('\u001b[2Jx\u009b\u202e'))
  store.sessions.event(id(1), refused('x'.repeat(250_000)))
  assert.deepEqual(await store.sessions.events(id(1)), [refused('?[2Jx??'), refused(`${'x'.repeat(1_023)}…`)])
})
test('events of one session are bounded, and the last says so', async () => {
  using workspace = makeWorkspace()
  await using store = await open(workspace)
  const { sessions } = store
  sessions.began(aSession(1))
  for (let number = 1; number <= eventsMost + 5_000; number++) sessions.event(id(1), refused(`${number}`))
  sessions.ended(id(1), end(50))
  const events = await sessions.events(id(1))
  assert.equal(events.length, eventsMost)
  assert.deepEqual(events.at(-2), refused(`${eventsMost - 1}`))
  assert.deepEqual(events.at(-1), { timestamp, kind: 'omitted', because: 'more than 1000 events' })
  assert.deepEqual((await sessions.find(id(1)))?.end, end(50))
})
test('those that ended, the latest first, page by page', async () => {
  using workspace = makeWorkspace()
  await using store = await open(workspace)
  const { sessions } = store
  for (const [number, endedAt] of [50, 70, 60, 60].entries()) {
    sessions.began(aSession(number))
    sessions.ended(id(number), end(endedAt))
  }
  sessions.began(aSession(8))
  const seen: string[] = []
  for (let before: EndedQuery['before']; ; ) {
    const page = await sessions.list({ limit: 2, ...(before === undefined ? {} : { before }) })
    const last = page.at(-1)
    if (last?.end === undefined) break
    before = { endedAt: last.end.ended_at, sequence: last.sequence }
    seen.push(...page.map(({ session }) => session.id))
  }
  assert.deepEqual(seen, [1, 3, 2, 0].map(id))
})
test('what a gateway left behind when it was killed is ended when one of its name starts', async () => {
  using workspace = makeWorkspace()
  const begun = async (gateway: string, number: number): Promise<void> => {
    await using store = await open(workspace, gateway, { run: 'run-0', worker: 1 })
    store.sessions.began(aSession(number))
  }
  await begun('eu-1', 1)
  await begun('us-1', 2)
  await using store = await open(workspace)
  assert.equal(await store.sessions.abandon(at(99)), 1)
  const ends = await Promise.all([1, 2].map(async (number) => (await store.sessions.find(id(number)))?.end))
  assert.deepEqual(
    ends.map((end) => [end?.ended_at, end?.code]),
    [
      [99, 'GATEWAY_GONE'],
      [undefined, undefined],
    ],
  )
})

test('of its own run only those of workers that are gone are ended', async () => {
  using workspace = makeWorkspace()
  const begun = async (run: string, worker: number, number: number): Promise<void> => {
    await using store = await open(workspace, 'eu-1', { run, worker })
    store.sessions.began(aSession(number))
  }
  await begun('run-1', 1, 1)
  await begun('run-1', 2, 2)
  await begun('run-0', 1, 3)
  await using store = await open(workspace, 'eu-1', { run: 'run-1', worker: 3 })
  const ended = async (): Promise<boolean[]> =>
    Promise.all([1, 2, 3].map(async (number) => (await store.sessions.find(id(number)))?.end !== undefined))
  await store.sessions.abandon(at(99))
  assert.deepEqual(await ended(), [false, false, true])
  await store.sessions.abandon(at(99), [2])
  assert.deepEqual(await ended(), [false, true, true])
})

// The journal: what it writes comes in order, in few jobs, and is tried again

const query = (sql: string) => ({ sql, parameters: [], query: {}, queryId: {} }) as never
const limits = { pause: 1 as Milliseconds, group: 3, waiting: 10, attempts: 3 }

/** A store whose first jobs fail. */
function failing(times: number) {
  const jobs: string[][] = []
  const lost: number[] = []
  const atomic = async (queries: readonly { readonly sql: string }[]): Promise<[]> => {
    jobs.push(queries.map(({ sql }) => sql))
    if (jobs.length <= times) throw new Error('not now')
    return []
  }
  return { jobs, lost, journal: new Journal({ atomic }, (count) => lost.push(count), limits) }
}
const outcomes: [rule: string, failures: number, writes: number, jobs: string[], lost: number[]][] = [
  ['in groups', 0, 7, ['012', '345', '6'], []],
  ['a group that fails is tried again, before the next', 2, 4, ['012', '012', '012', '3'], []],
  ['and given up in the end, all of it', 3, 4, ['012', '012', '012', '3'], [3]],
  ['what is too much is not taken', 0, 12, ['012', '345', '678', '9'], [2]],
]
for (const [rule, failures, writes, jobs, lost] of outcomes)
  test(`the journal writes ${rule}`, async () => {
    const made = failing(failures)
    for (let number = 0; number < writes; number++) made.journal.write(query(String(number)))
    await made.journal[Symbol.asyncDispose]()
    assert.deepEqual([made.jobs.map((job) => job.join('')), made.lost], [jobs, lost])
  })
test('the journal writes by itself, a moment later', async () => {
  const written = Promise.withResolvers<void>()
  const atomic = async (): Promise<[]> => {
    written.resolve()
    return []
  }
  const journal = new Journal({ atomic }, () => {}, limits)
  journal.write(query('0'))
  await written.promise
})
