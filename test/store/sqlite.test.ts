import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { openSqlite, type Sqlite } from '../../src/store/sqlite.ts'
import { type StoreLimits, usualLimits } from '../../src/store/threads.ts'
import { type Running, start } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const code = (expected: ErrorCode, message?: RegExp) => (error: unknown) =>
  error instanceof GatewayError && error.code === expected && (message === undefined || message.test(error.message))
const milliseconds = (length: number): Milliseconds => length as Milliseconds

const write = (sqlite: Sqlite, ...words: string[]): Promise<unknown> =>
  sqlite.atomic(words.map((word) => CompiledQuery.raw('insert into words values (?)', [word])))
async function read(sqlite: Sqlite): Promise<string[]> {
  const { rows } = await sqlite.database.executeQuery<{ word: string }>(CompiledQuery.raw('select word from words'))
  return rows.map(({ word }) => word)
}
/** A read that needs no table, and is sent as one. */
const look = (sqlite: Sqlite) => sqlite.database.selectFrom('sqlite_schema').select('name').execute()

async function openWords(path: string, limits: StoreLimits = usualLimits): Promise<Sqlite> {
  const sqlite = await openSqlite(path, limits)
  await sqlite.atomic([CompiledQuery.raw('create table if not exists words (word text primary key not null) strict')])
  return sqlite
}

/** Another process that holds the file until it is stopped. */
async function hold(path: string): Promise<Running> {
  const script = `const file = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    file.exec('begin exclusive')
    console.log('held')
    setInterval(() => {}, 1e6)`
  const holder = start(process.execPath, ['-e', script, path])
  await holder.line(/^held$/)
  return holder
}

const settings: [rule: string, pragma: string, value: string | number][] = [
  ['readers do not wait for writers', 'journal_mode', 'wal'],
  ['each commit is on the disk (2 is FULL)', 'synchronous', 2],
  ['foreign keys are kept', 'foreign_keys', 1],
  ['another process is waited for', 'busy_timeout', 2_000],
  ['a planted schema runs nothing', 'trusted_schema', 0],
]
test('how the file is opened', async (t) => {
  using workspace = makeWorkspace()
  await using sqlite = await openSqlite(workspace.path('regate.db'))
  for (const [rule, pragma, value] of settings)
    await t.test(rule, async () => {
      const { rows } = await sqlite.database.executeQuery<object>(CompiledQuery.raw(`pragma ${pragma}`))
      assert.deepEqual(rows.flatMap(Object.values), [value])
    })
})

test('an atomic job takes hold whole, or not at all', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openWords(workspace.path('words.db'))
  await write(sqlite, 'a', 'b')
  await assert.rejects(write(sqlite, 'c', 'a'), code('STORE_UNAVAILABLE', /UNIQUE/))
  assert.deepEqual(await read(sqlite), ['a', 'b'])
})

const one = CompiledQuery.raw('select 1')
const refusedSteps: [rule: string, ask: (sqlite: Sqlite) => Promise<unknown>][] = [
  ['a transaction', ({ database }) => database.transaction().execute(async (inside) => inside.executeQuery(one))],
  ['a controlled transaction', ({ database }) => database.startTransaction().execute()],
  ['a stream', ({ database }) => database.selectFrom('sqlite_schema').select('name').stream().next()],
]
for (const [rule, ask] of refusedSteps)
  test(`${rule} of several steps is refused, and nothing hangs after it`, async () => {
    using workspace = makeWorkspace()
    await using sqlite = await openWords(workspace.path('words.db'))
    await assert.rejects(ask(sqlite), code('INTERNAL'))
    await write(sqlite, 'a')
    assert.deepEqual(await read(sqlite), ['a'])
  })

test('a job that ends the transaction of its group itself takes nobody for committed who is not', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openWords(workspace.path('words.db'))
  const rogue = sqlite.atomic([CompiledQuery.raw('rollback')])
  const done = await Promise.allSettled([write(sqlite, 'a'), rogue, write(sqlite, 'b')])
  const there = await read(sqlite)
  for (const [n, word] of [
    [0, 'a'],
    [2, 'b'],
  ] as const)
    assert.equal(there.includes(word), done[n]?.status === 'fulfilled', word)
  assert.equal(done[1]?.status, 'rejected')
  await write(sqlite, 'c')
  assert.ok((await read(sqlite)).includes('c'))
})

test('a read sees what was written before it was asked, and waits for no lock', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('words.db')
  await using sqlite = await openWords(path)
  await using _holder = await hold(path)
  assert.deepEqual((await look(sqlite)).filter(({ name }) => name === 'words').length, 1)
})

test('locked by another process: fails within the deadline, and works afterwards', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('words.db')
  await using sqlite = await openWords(path, { deadline: milliseconds(30_000), busyTimeout: milliseconds(100) })
  await using holder = await hold(path)
  await assert.rejects(write(sqlite, 'a'), code('STORE_UNAVAILABLE', /locked/))
  await holder.stop('SIGKILL')
  await write(sqlite, 'b')
  assert.deepEqual(await read(sqlite), ['b'])
})

test('what is given up at the deadline is not begun any more', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('words.db')
  await using sqlite = await openWords(path, { deadline: milliseconds(150), busyTimeout: milliseconds(60_000) })
  await using holder = await hold(path)
  const since = performance.now()
  const first = assert.rejects(write(sqlite, 'a'), code('STORE_UNAVAILABLE', /longer than 150 ms/))
  const second = assert.rejects(write(sqlite, 'b'), code('STORE_UNAVAILABLE', /longer than 150 ms/))
  await Promise.all([first, second])
  assert.ok(performance.now() - since < 30_000, 'without waiting for the lock')
  await holder.stop('SIGKILL')
  // The thread is free again when it has found the lock gone, or has given up on it.
  for (let tries = 0; ; tries++) {
    const [done] = await Promise.allSettled([write(sqlite, `c${tries}`)])
    if (done.status === 'fulfilled') break
    assert.ok(tries < 200)
  }
  assert.deepEqual(
    (await read(sqlite)).filter((word) => !word.startsWith('c')),
    [],
  )
})

test('a killed worker: what waits fails at once, and so does all that comes', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('words.db')
  const longer = milliseconds(60_000)
  await using sqlite = await openWords(path, { deadline: longer, busyTimeout: longer })
  await using _holder = await hold(path) // the worker is at work when it ends
  const since = performance.now()
  const waiting = [write(sqlite, 'a'), write(sqlite, 'b')]
  sqlite.kill()
  for (const job of waiting) await assert.rejects(job, code('STORE_UNAVAILABLE'))
  await assert.rejects(write(sqlite, 'c'), code('STORE_UNAVAILABLE', /ended/))
  await assert.rejects(look(sqlite), code('STORE_UNAVAILABLE'))
  assert.ok(performance.now() - since < 30_000)
})

test('more jobs than may wait are refused, and the others are done', async () => {
  using workspace = makeWorkspace()
  await using sqlite = await openWords(workspace.path('words.db'))
  const done = await Promise.allSettled(Array.from({ length: 10_050 }, (_, n) => write(sqlite, `${n}`)))
  const refused = done.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  assert.equal(refused.length, 50)
  assert.ok(refused.every(code('STORE_UNAVAILABLE', /too much/)))
  assert.equal((await read(sqlite)).length, 10_000)
  await write(sqlite, 'later')
})

test('closing waits for what is under way, and then takes nothing', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('words.db')
  const sqlite = await openWords(path)
  const under = Promise.all(Array.from({ length: 300 }, (_, n) => write(sqlite, `${n}`)))
  const closed = sqlite[Symbol.asyncDispose]()
  await assert.rejects(write(sqlite, 'late'), code('STORE_UNAVAILABLE', /closed/))
  await Promise.all([under, closed])
  await sqlite[Symbol.asyncDispose]()
  await using again = await openWords(path)
  assert.equal((await read(again)).length, 300)
})
