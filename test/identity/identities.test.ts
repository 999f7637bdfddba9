import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Identities } from '../../src/identity/identities.ts'
import { Logins } from '../../src/identity/logins.ts'
import { Robots } from '../../src/identity/robots.ts'
import { parseRobots } from '../../src/identity/robots-file.ts'
import type { Address } from '../../src/model/address.ts'
import type { PolicyIdentity } from '../../src/model/context.ts'
import type { Fingerprint } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { openStore } from '../../src/store/open.ts'
import { at } from '../support/certificate.ts'
import { makeWorkspace } from '../support/workspace.ts'

const here = '203.0.113.9' as Address
const key = (text: string) => ({ fingerprint: `SHA256:${text}` as Fingerprint })
const robotLine = `username="ci" ssh-ed25519 ${wire('ssh-ed25519', Buffer.alloc(32, 1)).toString('base64')}`
const [robot] = parseRobots('robots.keys', robotLine, 3_072).robots
const robotKey = robot?.key ?? assert.fail()

const person = (username: string, subject = username): PolicyIdentity => ({
  subject,
  issuer: 'https://idp.example.com',
  username,
  groups: [],
  expires_at: 2000,
  claims: {},
  kind: 'person',
  login: { at: 1000, flow: 'device', ssh_source_ip: here },
})

/** On a real store, at second 1000, with one robot called ci. */
async function make() {
  await using opened = new AsyncDisposableStack()
  const workspace = opened.use(makeWorkspace())
  const store = opened.use(await openStore(`sqlite:${workspace.path('regate.db')}`))
  const clock = () => at(1000)
  const robots = new Robots()
  robots.replace(robot === undefined ? [] : [robot])
  const warnings: object[] = []
  const log = { debug() {}, info() {}, warn: (fields: object) => void warnings.push(fields), error() {} }
  const logins = new Logins(store.logins, 'prefix', clock)
  const identities = new Identities(robots, logins, store.usernames, clock, log as never)
  const life = opened.move()
  return { identities, robots, warnings, [Symbol.asyncDispose]: () => life.disposeAsync() }
}

test('a person who signed in is known by key and place, and by the login', async () => {
  await using world = await make()
  const login = await world.identities.signedIn(key('a'), here, person('alice'))
  assert.deepEqual(await world.identities.find(key('a'), here), { identity: person('alice'), loginId: login?.id })
  assert.equal(await world.identities.find(key('b'), here), undefined)
  assert.deepEqual(world.warnings, [])
})
test('without a key nothing is kept but the name', async () => {
  await using world = await make()
  assert.equal(await world.identities.signedIn(undefined, here, person('alice')), undefined)
  await assert.rejects(world.identities.signedIn(undefined, here, person('alice', 's-2')), { code: 'USERNAME_TAKEN' })
})
test('a robot is known by its key alone, and has no login', async () => {
  await using world = await make()
  const known = await world.identities.find(robotKey, here)
  assert.deepEqual([known?.identity.username, known?.identity.kind, known?.loginId], ['ci', 'robot', undefined])
})

const refused: [rule: string, code: string, key: { fingerprint: Fingerprint }, who: PolicyIdentity][] = [
  ['a name that another person had first', 'USERNAME_TAKEN', key('b'), person('alice', 'sub-2')],
  ['also one of another issuer', 'USERNAME_TAKEN', key('b'), { ...person('alice'), issuer: 'https://other' }],
  ['a robot’s name', 'USERNAME_OF_ROBOT', key('b'), person('ci')],
  ['in other letters', 'USERNAME_OF_ROBOT', key('b'), person('CI')],
  ['a robot’s key', 'KEY_OF_ROBOT', robotKey, person('bob')],
]
for (const [rule, code, byKey, who] of refused)
  test(`refused, and no login kept: ${rule}`, async () => {
    await using world = await make()
    await world.identities.signedIn(key('a'), here, person('alice'))
    await assert.rejects(world.identities.signedIn(byKey, here, who), { code })
    const known = await world.identities.find(byKey, here)
    assert.equal(known?.identity.kind === 'person', false)
    if (code.startsWith('USERNAME')) assert.equal((world.warnings[0] as { code: string }).code, code)
  })

test('a collision is reported with both subjects', async () => {
  await using world = await make()
  await world.identities.signedIn(key('a'), here, person('alice'))
  await assert.rejects(world.identities.signedIn(key('b'), here, person('alice', 'sub-2')))
  assert.deepEqual(world.warnings, [
    {
      code: 'USERNAME_TAKEN',
      username: 'alice',
      issuer: 'https://idp.example.com',
      subject: 'sub-2',
      holder: { issuer: 'https://idp.example.com', subject: 'alice' },
    },
  ])
})
test('another person with the same key takes the login’s place, and it is reported with both names', async () => {
  await using world = await make()
  await world.identities.signedIn(key('a'), here, person('alice'))
  await world.identities.signedIn(key('a'), '198.51.100.1' as Address, person('bob'))
  assert.equal(await world.identities.find(key('a'), here), undefined)
  assert.equal((await world.identities.find(key('a'), '198.51.100.1' as Address))?.identity.username, 'bob')
  assert.deepEqual(world.warnings, [{ code: 'KEY_SHARED', key: 'SHA256:a', username: 'bob', replaced: ['alice'] }])
})
test('a login from before a robot was given the name opens nothing any more', async () => {
  await using world = await make()
  world.robots.replace([])
  await world.identities.signedIn(key('a'), here, person('ci'))
  world.robots.replace(robot === undefined ? [] : [robot])
  await assert.rejects(world.identities.find(key('a'), here), { code: 'USERNAME_OF_ROBOT' })
})
