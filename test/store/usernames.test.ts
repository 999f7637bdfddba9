import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import type { UnixSeconds } from '../../src/model/units.ts'
import { openStore } from '../../src/store/open.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { makeWorkspace } from '../support/workspace.ts'

const now = 1000 as UnixSeconds
const idp = 'https://idp.example.com'
const [first, second] = [
  { issuer: idp, subject: 'sub-1' },
  { issuer: idp, subject: 'sub-2' },
]

test('a name is the first person’s who has it, for good', async () => {
  using workspace = makeWorkspace()
  const url = `sqlite:${workspace.path('regate.db')}`
  {
    await using store = await openStore(url)
    assert.deepEqual(await store.usernames.bind('alice', first, now), first)
    assert.deepEqual(await store.usernames.bind('alice', first, now), first)
    assert.deepEqual(await store.usernames.bind('alice', second, now), first)
    assert.deepEqual(await store.usernames.bind('alice', { ...first, issuer: 'https://other' }, now), first)
    assert.deepEqual(await store.usernames.bind('Alice', second, now), first)
    assert.deepEqual(await store.usernames.bind('alice2', first, now), first)
  }
  await using store = await openStore(url)
  assert.deepEqual(await store.usernames.bind('alice', second, now), first)
})

test('of two who come at once, one has it', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const [one, other] = await Promise.all([
    store.usernames.bind('alice', first, now),
    store.usernames.bind('alice', second, now),
  ])
  assert.deepEqual(one, other)
})

test('names of logins from version 1, which bound none, belong to the first who had them', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await openStore(`sqlite:${path}`).then((store) => store[Symbol.asyncDispose]())
  {
    await using sqlite = await openSqlite(path)
    const login = (id: string, subject: string, createdAt: number): string =>
      `insert into logins values ('${id}', '${id}', '*', '${idp}', '${subject}', 'alice', '{}', ${createdAt}, 9000)`
    // Everything that a later version made.
    const later = await sqlite.database
      .selectFrom('sqlite_schema')
      .select(['type', 'name'])
      .where('name', 'not like', 'sqlite_%')
      .where('name', 'not like', 'decisions%')
      .where('name', 'not in', ['schema_versions', 'logins', 'logins_expires_at'])
      .orderBy('type') // indexes before tables
      .execute()
    const statements = [
      ...later.map(({ type, name }) => `drop ${type} ${name}`),
      'delete from schema_versions where version > 1',
      login('b', 'sub-2', 2000),
      login('a', 'sub-1', 1000),
    ]
    await sqlite.atomic(statements.map((sql) => CompiledQuery.raw(sql)))
  }
  await using store = await openStore(`sqlite:${path}`)
  assert.deepEqual(await store.usernames.bind('alice', second, now), first)
})
