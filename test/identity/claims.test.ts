import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClaimSettings, identityOf, type SignIn } from '../../src/identity/claims.ts'
import type { IdTokenClaims } from '../../src/identity/issuer.ts'
import type { Address } from '../../src/model/address.ts'
import { PolicyIdentity } from '../../src/model/context.ts'
import { shapeFaults } from '../../src/model/shape.ts'
import type { UnixSeconds } from '../../src/model/units.ts'

const now = 1_800_000_000
const signIn: SignIn = {
  at: now as UnixSeconds,
  expiresAt: (now + 28_800) as UnixSeconds,
  flow: 'device',
  sshSourceIp: '203.0.113.9' as Address,
}
const settings: ClaimSettings = { usernameClaims: ['preferred_username', 'email'], groupsClaim: 'groups' }
/** A valid token's claims; a row changes one. `undefined` leaves one out. */
const claims = (change: Record<string, unknown> = {}): IdTokenClaims =>
  ({ iss: 'https://idp', sub: 's-1', iat: now, preferred_username: 'alice', ...change }) as IdTokenClaims
const read = (change: Record<string, unknown>, more: Partial<ClaimSettings> = {}): PolicyIdentity =>
  identityOf(claims(change), signIn, { ...settings, ...more })

const rows: [rule: string, change: Record<string, unknown>, part: Partial<PolicyIdentity>][] = [
  ['subject and issuer are the token’s', {}, { subject: 's-1', issuer: 'https://idp', kind: 'person' }],
  ['the first claim that is there names the person', { email: 'a@x.io', email_verified: true }, { username: 'alice' }],
  [
    'else the next',
    { preferred_username: undefined, email: 'a@x.io', email_verified: true },
    { username: 'a@x.io', email: 'a@x.io', email_verified: true },
  ],
  ['a null is not there', { preferred_username: null, email: 'a@x.io', email_verified: true }, { username: 'a@x.io' }],
  ['no groups are none', {}, { groups: [] }],
  ['null groups are none', { groups: null }, { groups: [] }],
  ['one group may stand alone', { groups: 'sre' }, { groups: ['sre'] }],
  ['several in a list', { groups: ['sre', 'größe'] }, { groups: ['sre', 'größe'] }],
  ['how they signed in', { amr: ['pwd', 'otp'], acr: '2', auth_time: now - 5 }, { amr: ['pwd', 'otp'], acr: '2' }],
  ['when', { auth_time: now - 5 }, { auth_time: now - 5 }],
  ['all claims are there, nulls gone', { x: { y: null, z: [1, null] } }, {}],
  ['a clock that runs a minute ahead', { iat: now + 60 }, {}],
  ['a token that was a quarter of an hour under way', { iat: now - 900 }, {}],
]
for (const [rule, change, part] of rows)
  test(`identity: ${rule}`, () => {
    const identity = read(change)
    assert.deepEqual(shapeFaults(PolicyIdentity, identity), [])
    assert.deepEqual({ ...identity, ...part }, identity)
    assert.ok(!JSON.stringify(identity.claims).includes('null,'), 'a null among the claims')
  })

test('nulls within claims are left out, and control characters made visible', () => {
  const kept = read({ 'a\x1b': 'b\x07', 'deep': { none: null, some: 1 }, 'none': null }).claims as Record<
    string,
    unknown
  >
  assert.deepEqual([kept['a?'], kept.deep, 'none' in kept], ['b?', { some: 1 }, false])
})

test('an absent fact is absent, not null or undefined', () => {
  assert.deepEqual(Object.keys(read({})).sort(), [
    'claims',
    'expires_at',
    'groups',
    'issuer',
    'kind',
    'login',
    'subject',
    'username',
  ])
})

const nobody: [rule: string, change: Record<string, unknown>, more?: Partial<ClaimSettings>][] = [
  ['no name', { preferred_username: undefined }],
  ['an e-mail address that is not verified', { preferred_username: undefined, email: 'a@x.io' }],
  ['one that is verified in words alone', { preferred_username: undefined, email: 'a@x.io', email_verified: 'true' }],
  ['an empty name', { preferred_username: '' }],
  ['a name that is no text', { preferred_username: 7 }],
  ['a name of 129 characters', { preferred_username: 'a'.repeat(129) }],
  ['a name with a control character', { preferred_username: 'a\x1b[m' }],
  ['a name that turns the reading direction', { preferred_username: 'a\u202eb' }],
  ['a name that is half a character', { preferred_username: 'a\ud800' }],
  ['an empty subject', { sub: '' }],
  ['a subject that is no text', { sub: 7 }],
  ['a subject of 1025 characters', { sub: 'a'.repeat(1_025) }],
  ['groups that are a number', { groups: 7 }],
  ['a group that is a number', { groups: ['sre', 7] }],
  ['an empty group', { groups: [''] }],
  ['a group of 257 characters', { groups: ['a'.repeat(257)] }],
  ['1001 groups', { groups: Array.from({ length: 1_001 }, (_, index) => `g${index}`) }],
  ['another groups claim that is an object', { roles: {} }, { groupsClaim: 'roles' }],
  ['no iat', { iat: undefined }],
  ['an iat to come', { iat: now + 61 }],
  ['an iat of long ago', { iat: now - 901 }],
  ['an iat with a fraction', { iat: now + 0.5 }],
  ['an auth_time to come', { auth_time: now + 61 }],
  ['an auth_time that is a text', { auth_time: `${now}` }],
  ['an acr that is a number', { acr: 2 }],
  ['an amr that is a number', { amr: 2 }],
  ['more claims than are taken', { more: 'x'.repeat(65_536) }],
]
for (const [rule, change, more] of nobody)
  test(`CLAIMS_INVALID: ${rule}`, () => assert.throws(() => read(change, more), { code: 'CLAIMS_INVALID' }))
