import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import type { PolicyIdentity } from '../../src/model/context.ts'
import type { Fingerprint, UnixSeconds } from '../../src/model/units.ts'
import { createLoginStore, type LoginQuery, type LoginStore, type StoredLogin } from '../../src/store/logins.ts'
import { migrate } from '../../src/store/migrations.ts'
import { openStore } from '../../src/store/open.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { makeWorkspace } from '../support/workspace.ts'

const at = (seconds: number): UnixSeconds => seconds as UnixSeconds
const key = 'SHA256:one' as Fingerprint
const otherKey = 'SHA256:two' as Fingerprint
const place = '203.0.113.0/24'

const identity: PolicyIdentity = {
  subject: 'sub-1',
  issuer: 'https://idp.example.com',
  username: 'alice',
  email: 'alice@example.com',
  email_verified: true,
  groups: ['sre', 'größe'],
  amr: ['pwd', 'otp'],
  auth_time: 990,
  expires_at: 2000,
  claims: { nested: { deep: [1, null, 'x'] } },
  kind: 'person',
  login: { at: 1000, flow: 'device', ssh_source_ip: '203.0.113.9' },
}

/** A valid login from 1000 to 2000. */
const aLogin = (change: Partial<StoredLogin> = {}): StoredLogin => ({
  id: 'login-1',
  keyFingerprint: key,
  prefix: place,
  identity,
  createdAt: at(1000),
  expiresAt: at(2000),
  ...change,
})

const questions: [rule: string, ask: (logins: LoginStore) => ReturnType<LoginStore['find']>, found: boolean][] = [
  ['a login is found by its key and place', (logins) => logins.find(key, place, at(1500)), true],
  ['the second before its end still counts', (logins) => logins.find(key, place, at(1999)), true],
  ['its end is too late', (logins) => logins.find(key, place, at(2000)), false],
  ['an ended login is none', (logins) => logins.find(key, place, at(9999)), false],
  ['another key has none', (logins) => logins.find(otherKey, place, at(1500)), false],
  ['another place has none', (logins) => logins.find(key, '198.51.100.0/24', at(1500)), false],
  ['a place is not a pattern', (logins) => logins.find(key, '%', at(1500)), false],
  ['anywhere is a place of its own', (logins) => logins.find(key, '*', at(1500)), false],
  [
    'a key is told from one in other letters',
    (logins) => logins.find('sha256:ONE' as Fingerprint, place, at(1500)),
    false,
  ],
]
for (const [rule, ask, found] of questions)
  test(rule, async () => {
    using workspace = makeWorkspace()
    await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
    await store.logins.save(aLogin())
    assert.deepEqual(await ask(store.logins), found ? aLogin() : undefined)
  })

test('a login outlives the gateway', async () => {
  using workspace = makeWorkspace()
  const url = `sqlite:${workspace.path('regate.db')}`
  {
    await using store = await openStore(url)
    await store.logins.save(aLogin())
  }
  await using store = await openStore(url)
  assert.deepEqual(await store.logins.find(key, place, at(1500)), aLogin())
})

const bob = { ...identity, subject: 'sub-2', username: 'bob' }
test('one person at a time for each key: another’s login replaces all that the first had by it', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { logins } = store
  assert.deepEqual((await logins.save(aLogin())).replaced, [])
  assert.deepEqual((await logins.save(aLogin({ id: 'login-2', prefix: '*' }))).replaced, [])
  await logins.save(aLogin({ id: 'login-3', keyFingerprint: otherKey }))
  const bobs = aLogin({ id: 'login-4', prefix: '198.51.100.0/24', identity: bob })
  assert.deepEqual((await logins.save(bobs)).replaced, ['alice'])
  assert.equal(await logins.find(key, place, at(1500)), undefined)
  assert.equal(await logins.find(key, '*', at(1500)), undefined)
  assert.deepEqual(await logins.find(key, '198.51.100.0/24', at(1500)), bobs)
  assert.equal((await logins.find(otherKey, place, at(1500)))?.id, 'login-3')
})
test('a login that had ended is replaced without a word', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.logins.save(aLogin())
  const later = aLogin({ id: 'login-2', identity: bob, createdAt: at(2000), expiresAt: at(3000) })
  assert.deepEqual((await store.logins.save(later)).replaced, [])
  assert.deepEqual(await store.logins.find(key, place, at(2500)), later)
})
test('the same subject of another issuer is another person', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.logins.save(aLogin())
  const other = aLogin({ id: 'login-2', identity: { ...identity, issuer: 'https://other.example.com' } })
  assert.deepEqual((await store.logins.save(other)).replaced, ['alice'])
})
test('of two persons who sign in at once with one key, one is left', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { logins } = store
  const replaced = await Promise.all([
    logins.save(aLogin({ id: 'login-1', prefix: 'a' })),
    logins.save(aLogin({ id: 'login-2', prefix: 'b', identity: bob })),
  ])
  const left = await Promise.all([logins.find(key, 'a', at(1500)), logins.find(key, 'b', at(1500))])
  assert.equal(left.filter((login) => login !== undefined).length, 1)
  assert.equal(replaced.flatMap(({ replaced }) => replaced).length, 1)
})
test('who has a login by one of these keys', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.logins.save(aLogin())
  await store.logins.save(aLogin({ id: 'login-2', prefix: '*' }))
  const strangers = Array.from({ length: 2_500 }, (_, index) => `SHA256:${index}` as Fingerprint)
  const asked = [...strangers, key]
  assert.deepEqual(await store.logins.holders(asked, at(1500)), [{ keyFingerprint: key, username: 'alice' }])
  assert.deepEqual(await store.logins.holders(asked, at(2000)), [])
  assert.deepEqual(await store.logins.holders([], at(1500)), [])
})

test('a new login takes the place of the one with its key and prefix, under its id, and of no other', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { logins } = store
  const elsewhere = aLogin({ id: 'login-2', prefix: '*' })
  const newer = aLogin({ id: 'login-3', expiresAt: at(3000) })
  await logins.save(aLogin())
  await logins.save(elsewhere)
  await logins.save(newer)
  assert.deepEqual(await logins.find(key, place, at(1500)), { ...newer, id: 'login-1' })
  assert.deepEqual(await logins.find(key, '*', at(1500)), elsewhere)
  assert.equal(await logins.remove('login-3'), false)
})

test('a removed login is none, once', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.logins.save(aLogin())
  assert.equal(await store.logins.remove('login-1'), true)
  assert.equal(await store.logins.find(key, place, at(1500)), undefined)
  assert.equal(await store.logins.remove('login-1'), false)
})

test('a sweep removes what has ended and keeps the rest', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { logins } = store
  await logins.save(aLogin())
  await logins.save(aLogin({ id: 'login-2', keyFingerprint: otherKey, expiresAt: at(2001) }))
  assert.equal(await logins.sweep(at(2000)), 1)
  assert.equal(await logins.remove('login-1'), false)
  assert.equal(await logins.remove('login-2'), true)
})

const written = JSON.stringify(identity)
const unreadable: [rule: string, identity: string][] = [
  ['no JSON', '{"subject":'],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a field that must be there is missing', written.replace('"kind":"person",', '')],
  ['a field that nobody knows', written.replace('{', '{"admin":true,')],
  ['null where absence is meant', written.replace('{', '{"acr":null,')],
  ['groups that are one text', written.replace(/"groups":\[[^\]]*\]/, '"groups":"sre"')],
  ['a time that is text', written.replace('"expires_at":2000', '"expires_at":"2000"')],
  ['a flow of another name', written.replace('"device"', '"trust-me"')],
]
test('a row whose identity does not read is as good as none', async (t) => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await using sqlite = await openSqlite(path)
  await migrate(sqlite, path)
  const logins = createLoginStore(sqlite.database, sqlite.atomic)
  await logins.save(aLogin())
  const rewrite = (text: string) =>
    sqlite.database.executeQuery(CompiledQuery.raw('update logins set identity = ?', [text]))
  for (const [rule, text] of unreadable)
    await t.test(rule, async () => {
      assert.notEqual(text, written, 'the row changes something')
      await rewrite(text)
      assert.equal(await logins.find(key, place, at(1500)), undefined)
    })
  await rewrite(written)
  assert.deepEqual(await logins.find(key, place, at(1500)), aLogin())
})

test('the list has those that have not ended, the latest first, page by page', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  const { logins } = store
  for (let number = 0; number < 5; number++) {
    const change = { id: `login-${number}`, prefix: `10.0.${number}.0/24`, createdAt: at(1000 + (number >> 1)) }
    await logins.save(aLogin({ ...change, expiresAt: at(number === 3 ? 1500 : 2000) }))
  }
  const seen: string[][] = []
  for (let before: LoginQuery['before']; ; ) {
    const page = await logins.list({ limit: 2, ...(before === undefined ? {} : { before }) }, at(1500))
    before = page.at(-1)
    if (before === undefined) break
    seen.push(page.map(({ id }) => id))
  }
  assert.deepEqual(seen, [
    ['login-4', 'login-2'],
    ['login-1', 'login-0'],
  ])
  assert.deepEqual(await logins.list({ limit: -1 }, at(0)), [])
})

test('who signs in again with the same key from the same place has the same login', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.logins.save(aLogin())
  assert.equal((await store.logins.save(aLogin({ id: 'login-2', createdAt: at(1100) }))).id, 'login-1')
  assert.equal(await store.logins.remove('login-1'), true)
  assert.equal(await store.logins.find(key, place, at(1500)), undefined)
})
