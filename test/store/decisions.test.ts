import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { CompiledQuery } from 'kysely'
import { GatewayError } from '../../src/model/errors.ts'
import { createDecisionStore, type DecisionEvent, type DecisionQuery } from '../../src/store/decisions.ts'
import { migrate } from '../../src/store/migrations.ts'
import { openStore } from '../../src/store/open.ts'
import { openSqlite, type Sqlite } from '../../src/store/sqlite.ts'
import { makeWorkspace } from '../support/workspace.ts'

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8')
const notDurable = (error: unknown): boolean => error instanceof GatewayError && error.code === 'LOG_NOT_DURABLE'

/** A valid event; its bytes are its id. */
function anEvent(change: Partial<DecisionEvent> = {}): DecisionEvent {
  const decisionId = change.decisionId ?? randomUUID()
  return {
    decisionId,
    timestamp: '2025-11-24T12:00:00.000Z',
    outcome: 'allow',
    route: 'db1',
    sessionId: 's1',
    kind: 'ssh',
    bytes: Buffer.from(decisionId),
    ...change,
  }
}

async function openTables(path: string): Promise<Sqlite> {
  const sqlite = await openSqlite(path)
  await migrate(sqlite, path)
  return sqlite
}

test('the bytes of an event come back as they were, whatever they are', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const bytesOfAnySize = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ minLength: 4000, maxLength: 9000 }))
  await fc.assert(
    fc.asyncProperty(bytesOfAnySize, async (bytes) => {
      const event = anEvent({ bytes })
      await store.decisions.append(event)
      assert.deepEqual(await store.decisions.find(event.decisionId), new Uint8Array(bytes))
      const [newest] = await store.decisions.list({ kind: 'ssh', limit: 1 })
      assert.deepEqual(newest?.bytes, new Uint8Array(bytes))
    }),
    { numRuns: 60 },
  )
})

test('an id that was never written finds nothing', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  assert.equal(await store.decisions.find(randomUUID()), undefined)
})

test('the list is newest first, goes on where the cursor says, and keeps kinds apart', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { decisions } = store
  await Promise.all(
    Array.from({ length: 9 }, (_, n) =>
      decisions.append(anEvent({ bytes: Buffer.from(`${n}`), kind: n % 3 === 2 ? 'what-if' : 'ssh' })),
    ),
  )
  const first = await decisions.list({ kind: 'ssh', limit: 4 })
  assert.deepEqual(
    first.map(({ bytes }) => text(bytes)),
    ['7', '6', '4', '3'],
  )
  const before = first.at(-1)
  assert.ok(before)
  const second = await decisions.list({ kind: 'ssh', limit: 4, before })
  assert.deepEqual(
    second.map(({ bytes }) => text(bytes)),
    ['1', '0'],
  )
  const last = second.at(-1)
  assert.deepEqual(last && (await decisions.list({ kind: 'ssh', limit: 4, before: last })), [])
  const others = await decisions.list({ kind: 'what-if', limit: 50 })
  assert.deepEqual(
    others.map(({ bytes }) => text(bytes)),
    ['8', '5', '2'],
  )
})

const limits: [rule: string, limit: number, found: number][] = [
  ['a limit of nothing lists nothing', 0, 0],
  ['a negative limit is not "all of them"', -1, 0],
  ['a thousand are listed at most', 5_000, 1_000],
]
test('limits of a list', async (t) => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await Promise.all(Array.from({ length: 1_100 }, () => store.decisions.append(anEvent())))
  for (const [rule, limit, found] of limits)
    await t.test(rule, async () => assert.equal((await store.decisions.list({ kind: 'ssh', limit })).length, found))
})

test('what comes together is committed together', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openTables(workspace.path('regate.db'))
  const decisions = createDecisionStore(sqlite.database)
  const before = sqlite.commits
  const events = Array.from({ length: 2_000 }, () => anEvent())
  await Promise.all(events.map((event) => decisions.append(event)))
  const commits = sqlite.commits - before
  assert.ok(commits >= 1 && commits <= 200, `${commits} commits for 2000 events`)
  const [newest] = await decisions.list({ kind: 'ssh', limit: 1 })
  assert.equal(text(newest?.bytes), events.at(-1)?.decisionId, 'in the order of their coming')
})

test('a commit of its own for what comes alone', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openTables(workspace.path('regate.db'))
  const decisions = createDecisionStore(sqlite.database)
  const before = sqlite.commits
  for (let n = 1; n <= 5; n++) {
    await decisions.append(anEvent())
    assert.equal(sqlite.commits - before, n)
  }
})

const bad: [rule: string, change: Partial<DecisionEvent>][] = [
  ['an id that is there already', { decisionId: 'taken' }],
  ['bytes that are text', { bytes: 'text' as unknown as Uint8Array }],
  ['a value that no database has', { route: { name: 'db1' } as unknown as string }],
  ['a value that cannot be sent to a thread', { route: (() => 'db1') as unknown as string }],
]
for (const [rule, change] of bad)
  test(`in a group, the one that fails does so alone: ${rule}`, async () => {
    using workspace = makeWorkspace()
    await using sqlite = await openTables(workspace.path('regate.db'))
    const decisions = createDecisionStore(sqlite.database)
    await decisions.append(anEvent({ decisionId: 'taken' }))
    const before = sqlite.commits
    const events = Array.from({ length: 101 }, (_, n) => anEvent(n === 50 ? change : {}))
    const done = await Promise.allSettled(events.map((event) => decisions.append(event)))
    const failures = done.flatMap((outcome, n) => (outcome.status === 'rejected' ? [[n, outcome.reason] as const] : []))
    assert.deepEqual(
      failures.map(([n]) => n),
      [50],
    )
    assert.ok(failures.every(([, reason]) => notDurable(reason)))
    assert.ok(sqlite.commits - before < 50)
    assert.equal((await decisions.list({ kind: 'ssh', limit: 500 })).length, 101)
  })

test('on a full disk nothing is half-written, and it goes on once there is room', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openTables(workspace.path('regate.db'))
  const decisions = createDecisionStore(sqlite.database)
  const pragma = async (sql: string): Promise<number> => {
    const { rows } = await sqlite.database.executeQuery<Record<string, number>>(CompiledQuery.raw(sql))
    return Object.values(rows[0] ?? {})[0] ?? Number.NaN
  }
  const pages = await pragma('pragma page_count')
  assert.equal(await pragma(`pragma max_page_count = ${pages + 40}`), pages + 40)

  const isThere = async ({ decisionId }: DecisionEvent): Promise<number | undefined> =>
    (await decisions.find(decisionId))?.length
  const anyBig = (): DecisionEvent => anEvent({ bytes: Buffer.alloc(10_000, 'x') })
  let written = 0
  for (; ; written++) {
    const event = anyBig()
    const [done] = await Promise.allSettled([decisions.append(event)])
    assert.equal(await isThere(event), done.status === 'fulfilled' ? 10_000 : undefined)
    if (done.status === 'fulfilled') continue
    assert.ok(notDurable(done.reason))
    assert.match(String(done.reason.cause.message), /full/)
    break
  }
  assert.ok(written > 1 && written < 40, `${written} had room`)

  const events = [...Array.from({ length: 30 }, anyBig), ...Array.from({ length: 30 }, () => anEvent())]
  const done = await Promise.allSettled(events.map((event) => decisions.append(event)))
  for (const [n, event] of events.entries())
    assert.equal(await isThere(event), done[n]?.status === 'fulfilled' ? event.bytes.length : undefined)
  const fulfilled = done.filter(({ status }) => status === 'fulfilled').length
  assert.equal((await decisions.list({ kind: 'ssh', limit: 200 })).length, written + fulfilled)

  await pragma('pragma max_page_count = 1000000')
  const later = anyBig()
  await decisions.append(later)
  assert.equal(await isThere(later), 10_000)
})

const filters: [filter: string, condition: string][] = [
  ['kind alone', ''],
  ['user', "and username = 'alice'"],
  ['route', "and route = 'db1'"],
  ['outcome', "and outcome = 'deny'"],
  ['code', "and code = 'DENIED_BY_POLICY'"],
]
test('newest first needs no sorting and no look at every event', async (t) => {
  using workspace = makeWorkspace()
  await using sqlite = await openTables(workspace.path('regate.db'))
  const plan = async (sql: string): Promise<string> => {
    const explained = CompiledQuery.raw(`explain query plan ${sql}`)
    const { rows } = await sqlite.database.executeQuery<{ detail: string }>(explained)
    return rows.map(({ detail }) => detail).join('; ')
  }
  for (const [filter, condition] of filters)
    await t.test(`by ${filter}`, async () => {
      const sql = `select event from decisions where kind = 'ssh' ${condition} and sequence < 9 order by sequence desc limit 5`
      assert.match(
        await plan(sql),
        /^SEARCH decisions USING INDEX decisions_\w+ \(kind=\?( AND \w+=\?)? AND rowid<\?\)$/,
      )
    })
  await t.test('by time', async () => {
    const sql = `select event from decisions where kind = 'ssh' and timestamp >= '2025' and timestamp < '2026'
      order by timestamp desc, sequence desc limit 5`
    assert.match(await plan(sql), /^SEARCH decisions USING INDEX decisions_timestamp \([^;]*\)$/)
  })
})

const at = (second: number): string => `2025-11-24T12:00:${String(second).padStart(2, '0')}.000Z`
const some: Partial<DecisionEvent>[] = [
  { username: 'alice', outcome: 'allow', timestamp: at(1) },
  { username: 'alice', outcome: 'deny', code: 'DENIED_BY_POLICY', timestamp: at(2) },
  { username: 'bob', route: 'db2', outcome: 'deny', code: 'ROUTE_UNKNOWN', timestamp: at(5) },
  { username: 'alice', route: 'db2', outcome: 'deny', code: 'DENIED_BY_POLICY', timestamp: at(4) },
  { outcome: 'deny', code: 'DENIED_BY_POLICY', timestamp: at(4) },
  { username: 'alice', kind: 'what-if', outcome: 'challenge', timestamp: at(6) },
]
const picks: [rule: string, query: Partial<DecisionQuery>, found: number[]][] = [
  ['all of a kind, as written', {}, [4, 3, 2, 1, 0]],
  ['another kind', { kind: 'what-if' }, [5]],
  ['a person', { username: 'alice' }, [3, 1, 0]],
  ['a person whose name begins so is another', { username: 'ali' }, []],
  ['a route', { route: 'db2' }, [3, 2]],
  ['an outcome', { outcome: 'allow' }, [0]],
  ['a code', { code: 'ROUTE_UNKNOWN' }, [2]],
  ['all of it together', { username: 'alice', route: 'db2', outcome: 'deny', code: 'DENIED_BY_POLICY' }, [3]],
  ['from an instant on, by time', { from: at(4) }, [2, 4, 3]],
  ['up to an instant, without it', { to: at(4) }, [1, 0]],
  ['between, of a person', { from: at(2), to: at(5), username: 'alice' }, [3, 1]],
]
test('what a list picks', async (t) => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { decisions } = store
  for (const [number, change] of some.entries())
    await decisions.append(anEvent({ ...change, bytes: Buffer.from(`${number}`) }))
  for (const [rule, query, found] of picks)
    await t.test(rule, async () => {
      const whole: number[] = []
      for (let before: DecisionQuery['before']; ; ) {
        const page = await decisions.list({
          kind: 'ssh',
          limit: 2,
          ...query,
          ...(before === undefined ? {} : { before }),
        })
        whole.push(...page.map(({ bytes }) => Number(text(bytes))))
        before = page.at(-1)
        if (before === undefined) break
      }
      assert.deepEqual(whole, found, 'page by page')
    })
})

test('who reads along gets everything once, in the order of writing, and passes by what is not asked for', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { decisions } = store
  assert.equal(await decisions.position(), 0)
  const ids: string[] = []
  for (let number = 0; number < 7; number++) {
    const event = anEvent({ username: number % 2 === 0 ? 'alice' : 'bob' })
    ids.push(event.decisionId)
    await decisions.append(event)
  }
  const first = await decisions.since(0, { kind: 'ssh', username: 'alice' }, 2)
  assert.deepEqual([first.found.map(({ decisionId }) => decisionId), first.reached], [[ids[0], ids[2]], 3])
  const rest = await decisions.since(first.reached, { kind: 'ssh', username: 'alice' }, 9)
  assert.deepEqual([rest.found.map(({ decisionId }) => decisionId), rest.reached], [[ids[4], ids[6]], 7])
  assert.deepEqual(await decisions.since(0, { kind: 'ssh', username: 'carol' }, 9), { found: [], reached: 7 })
  assert.deepEqual(await decisions.since(7, { kind: 'ssh' }, 9), { found: [], reached: 7 })
  assert.deepEqual([await decisions.position(ids[2]), await decisions.position(randomUUID())], [3, undefined])
})
