import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { type Authority, authorityFromKey } from '../../src/certificate/authority.ts'
import { caLine } from '../../src/certificate/ca-key.ts'
import { decode } from '../../src/certificate/decode.ts'
import { issue, keyId, type Limits, type Occasion } from '../../src/certificate/issue.ts'
import { readExtensions } from '../../src/certificate/options.ts'
import { makeSubjectKey } from '../../src/certificate/subject-key.ts'
import type { Address, Cidr } from '../../src/model/address.ts'
import { type CertificateRequest, Extensions } from '../../src/model/certificate.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { Login } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { at } from '../support/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'regate-certificate-'))
after(() => rmSync(folder, { recursive: true }))
const keygen = (...args: string[]): string => execFileSync('ssh-keygen', args, { encoding: 'utf8' })
function makeKey(name: string, type = 'ed25519', ...more: string[]): string {
  keygen('-q', '-t', type, '-N', '', ...more, '-f', join(folder, name))
  return readFileSync(join(folder, name), 'utf8')
}
const authority: Authority = authorityFromKey(makeKey('ca'))
const caKey = await authority.publicKey()
const other: Authority = authorityFromKey(makeKey('other'))
const otherKey = await other.publicKey()
const subject = makeSubjectKey()

const occasion: Occasion = {
  now: at(1_800_000_000),
  decisionId: 'd1',
  username: 'alice',
  login: 'postgres' as Login,
  principals: 'login',
  subjectKey: subject.publicKey,
  localAddress: '10.0.0.5' as Address,
}
const limits: Limits = { maxTtl: 300, sourceAddress: 'auto' }
const request = (change: Partial<CertificateRequest> = {}): CertificateRequest => ({
  principals: ['postgres'],
  ttl: 300,
  ...change,
})
const issued = (change: Partial<CertificateRequest> = {}, when: Partial<Occasion> = {}, within: Partial<Limits> = {}) =>
  issue(request(change), { ...occasion, ...when }, { ...limits, ...within }, authority)
const code = (expected: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === expected

test('ssh-keygen -L reads the fields that were meant', async () => {
  const certificate = await issued({
    principals: ['postgres', 'root'],
    critical_options: { 'force-command': 'echo "hi there"', 'source-address': ['10.0.0.0/8', '::1/128'] },
    extensions: { 'permit-pty': '', 'permit-port-forwarding': '', 'permit-open@regate': ['db:5432'] },
  })
  writeFileSync(
    join(folder, 'one-cert.pub'),
    `ssh-ed25519-cert-v01@openssh.com ${certificate.signed.toString('base64')}\n`,
  )
  const shown = keygen('-L', '-f', join(folder, 'one-cert.pub'))
  for (const line of [
    'Type: ssh-ed25519-cert-v01@openssh.com user certificate',
    `Public key: ED25519-CERT ${certificate.subject}`,
    `Signing CA: ED25519 ${authority.fingerprint} (using ssh-ed25519)`,
    'Key ID: "alice/d1"',
    `Serial: ${certificate.serial}`,
    'force-command echo "hi there"',
    'source-address 10.0.0.0/8,::1/128',
    'permit-pty',
    'permit-port-forwarding',
  ])
    assert.ok(shown.includes(line), `${line}\n${shown}`)
  assert.match(shown, /Principals: \n\s+postgres\n\s+root\n/)
  assert.match(shown, /permit-open@regate UNKNOWN OPTION: 0000000b5b2264623a35343332225d \(len 15\)/)
})

test('what is decoded is what was asked for, backdated by a minute', async () => {
  const certificate = await issued({ ttl: 7, extensions: { 'permit-exec@regate': ['ls *'], 'max-sessions@regate': 3 } })
  assert.deepEqual(certificate.extensions, { 'max-sessions@regate': 3, 'permit-exec@regate': ['ls *'] })
  assert.deepEqual([certificate.validAfter, certificate.validBefore], [1_799_999_940, 1_800_000_007])
  assert.equal(
    certificate.subject,
    `SHA256:${createHash('sha256').update(subject.publicKey).digest('base64').replace(/=+$/, '')}`,
  )
})

test('the private key belongs to the certificate and is not in it', async () => {
  assert.equal(subject.sign(Buffer.from('x')).length, 64)
  assert.deepEqual(Object.keys(subject), ['publicKey', 'sign'])
})

test('no two certificates have one serial', async () => {
  const serials = await Promise.all(Array.from({ length: 50 }, async () => (await issued()).serial))
  assert.equal(new Set(serials).size, 50)
})

const sourceAddress: [
  rule: string,
  within: Limits['sourceAddress'],
  asked: string[] | undefined,
  stands: string[] | undefined | 'refused',
][] = [
  ['by default it is the gateway’s own address', 'auto', undefined, ['10.0.0.5/32']],
  ['it can be switched off', 'off', undefined, undefined],
  ['or be what the configuration says', ['192.0.2.0/24' as Cidr], undefined, ['192.0.2.0/24']],
  ['a policy may widen it', 'auto', ['10.0.0.0/8'], ['10.0.0.0/8']],
  ['but must not leave the gateway out', 'auto', ['192.0.2.0/24'], 'refused'],
  ['nor what the configuration says', ['192.0.2.0/24' as Cidr], ['192.0.2.0/25'], 'refused'],
]
for (const [rule, within, asked, stands] of sourceAddress)
  test(`source-address: ${rule}`, async () => {
    const made = issued(
      asked === undefined ? {} : { critical_options: { 'source-address': asked } },
      {},
      { sourceAddress: within },
    )
    if (stands === 'refused') await assert.rejects(made, code('CERTIFICATE_SOURCE_ADDRESS'))
    else assert.deepEqual((await made).criticalOptions['source-address'], stands)
  })

test('an IPv6 gateway stands as /128', async () => {
  const { sourceAddress: addresses } = await issued({}, { localAddress: '2001:db8::5' as Address })
  assert.deepEqual(addresses, ['2001:db8::5/128'])
})

const refused: [rule: string, change: object, code: ErrorCode][] = [
  ['a principal with a comma (CVE-2026-35414)', { principals: ['postgres,root'] }, 'CERTIFICATE_PRINCIPAL'],
  ['a wildcard', { principals: ['postgres', '*'] }, 'CERTIFICATE_PRINCIPAL'],
  ['principals without the login', { principals: ['root'] }, 'CERTIFICATE_LOGIN'],
  ['a ttl over the cap', { ttl: 301 }, 'CERTIFICATE_TTL'],
  ['an unknown extension', { extensions: { 'permit-everything@regate': '' } }, 'CERTIFICATE_OPTION_UNKNOWN'],
  ['an unknown critical option', { critical_options: { 'no-such': 'x' } }, 'CERTIFICATE_OPTION_UNKNOWN'],
  ['__proto__ as an extension', { extensions: JSON.parse('{"__proto__": ""}') }, 'CERTIFICATE_OPTION_UNKNOWN'],
  [
    'verify-required, which speaks of our own key',
    { critical_options: { 'verify-required': '' } },
    'CERTIFICATE_OPTION_REFUSED',
  ],
  ['no-touch-required too', { extensions: { 'no-touch-required': '' } }, 'CERTIFICATE_OPTION_REFUSED'],
  [
    'record-session@regate, which is not enforced yet',
    { extensions: { 'record-session@regate': 'full' } },
    'CERTIFICATE_OPTION_UNENFORCED',
  ],
  ['sftp in a way that nobody knows', { extensions: { 'permit-sftp@regate': 'append' } }, 'CERTIFICATE_OPTION_VALUE'],
  [
    'sftp by a path that is relative',
    { extensions: { 'permit-sftp@regate': { read: ['out/*'] } } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'sftp that is looked into, and a command in its place',
    { extensions: { 'permit-sftp@regate': 'read' }, critical_options: { 'force-command': 'id' } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'a variable whose name no shell takes',
    { extensions: { 'set-env@regate': { 'A-B': 'x' } } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'a variable with a line break in it',
    { extensions: { 'set-env@regate': { A: 'x\ny' } } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'more variables than 64',
    { extensions: { 'set-env@regate': Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`A${at}`, ''])) } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  ['a silence of no seconds', { extensions: { 'idle-timeout@regate': 0 } }, 'CERTIFICATE_OPTION_VALUE'],
  ['a flag with a value', { extensions: { 'permit-pty': 'yes' } }, 'CERTIFICATE_OPTION_VALUE'],
  ['a list that is none', { extensions: { 'permit-open@regate': 'h:1' } }, 'CERTIFICATE_OPTION_VALUE'],
  ['a destination without a port', { extensions: { 'permit-open@regate': ['h'] } }, 'CERTIFICATE_OPTION_VALUE'],
  [
    'a destination that looks like a number',
    { extensions: { 'permit-open@regate': ['127.1:1'] } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  ['a range the wrong way round', { extensions: { 'permit-open@regate': ['h:2-1'] } }, 'CERTIFICATE_OPTION_VALUE'],
  [
    'a socket path that is relative',
    { extensions: { 'permit-socket@regate': { open: ['run/x'] } } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  ['an unknown member', { extensions: { 'permit-socket@regate': { opens: [] } } }, 'CERTIFICATE_OPTION_VALUE'],
  [
    'a command pattern that is a script',
    { extensions: { 'permit-exec@regate': ['ls; id'] } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'more patterns than a client should be able to have matched',
    { extensions: { 'permit-exec@regate': Array.from({ length: 40 }, () => 'x'.repeat(1_000)) } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  ['a number that is a text', { extensions: { 'max-sessions@regate': '3' } }, 'CERTIFICATE_OPTION_VALUE'],
  ['a fraction', { extensions: { 'max-sessions@regate': 1.5 } }, 'CERTIFICATE_OPTION_VALUE'],
  [
    'a source-address that is no CIDR',
    { critical_options: { 'source-address': ['10.0.0.1/8'] } },
    'CERTIFICATE_OPTION_VALUE',
  ],
  [
    'a forced command with a control character',
    { critical_options: { 'force-command': 'a\x1b[m' } },
    'CERTIFICATE_OPTION_VALUE',
  ],
]
for (const [rule, change, expected] of refused)
  test(`not signed: ${rule}`, () => assert.rejects(issued(change), code(expected)))

test('what is said to be refused in this version is, and nothing else', () => {
  for (const [name, schema] of Object.entries(Extensions.properties)) {
    const { description } = schema as { readonly description?: string }
    let code: unknown
    try {
      readExtensions({ [name]: '' })
    } catch (thrown) {
      code = (thrown as GatewayError).code
    }
    assert.equal(description?.endsWith('refused in this version'), code === 'CERTIFICATE_OPTION_UNENFORCED', name)
  }
})

const keyIds: [rule: string, name: string, id: string][] = [
  ['the person, then the decision', 'alice', 'alice/d1'],
  ['an address is a name as it is', 'alice+a@x.io', 'alice+a@x.io/d1'],
  ['a slash or a quote cannot end the name early', 'a/b"c\n', 'a_b_c_/d1'],
  ['a long name is cut', 'a'.repeat(100), `${'a'.repeat(64)}/d1`],
]
for (const [rule, name, id] of keyIds) test(`key id: ${rule}`, () => assert.equal(keyId(name, 'd1'), id))

// The decoder

const valid = (
  await issued({
    extensions: { 'permit-pty': '', 'permit-exec@regate': ['id'] },
    critical_options: { 'force-command': 'x' },
  })
).signed

test('what was signed decodes', () => assert.equal(decode(valid, caKey).keyId, 'alice/d1'))
test('another authority’s certificate is none', () =>
  assert.throws(() => decode(valid, otherKey), code('CERTIFICATE_SIGNATURE')))

test('two that say the same have it in common, but for what is their own', async () => {
  const extensions = { 'permit-pty': '' as const, 'permit-exec@regate': ['ls *'] }
  const [one, other] = [await issued({ extensions }), await issued({ extensions, principals: ['postgres', 'root'] })]
  assert.equal(other.permissions, one.permissions)
  assert.notEqual(other.serial, one.serial)
  assert.deepEqual([one.principals, other.principals], [['postgres'], ['postgres', 'root']])
})
test('and two that differ have not', async () => {
  const kinds = [
    { 'permit-pty': '' },
    { 'permit-exec@regate': ['id'] },
    { 'permit-exec@regate': ['id', 'ls'] },
  ] as const
  const all = await Promise.all(kinds.map(async (kind) => (await issued({ extensions: kind as never })).permissions))
  assert.deepEqual(
    all.map((permissions) => Object.keys(permissions).join()),
    ['permit-pty', 'permit-exec@regate', 'permit-exec@regate'],
  )
  assert.notDeepEqual(all[1], all[2])
})

test('a changed byte is never accepted, and never a crash', () => {
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const changed = Buffer.from(valid)
      changed[index] = (changed[index] ?? 0) ^ change
      assert.throws(() => decode(changed, caKey), GatewayError)
    }),
    { numRuns: 2_000 },
  )
})
test('neither is one that is cut short or goes on', () => {
  for (let length = 0; length < valid.length; length++)
    assert.throws(() => decode(valid.subarray(0, length), caKey), GatewayError)
  assert.throws(() => decode(Buffer.concat([valid, Buffer.from([0])]), caKey), GatewayError)
})
test('nor anything else that is thrown at it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) =>
      assert.throws(() => decode(Buffer.from(bytes), caKey), GatewayError),
    ),
  )
})

/** A certificate signed by the authority with fields that `issue` would not write. */
async function forged(fields: Record<string, unknown> = {}): Promise<Buffer> {
  const option = (name: string, value?: string): Buffer =>
    wire(name, value === undefined ? Buffer.alloc(0) : wire(value))
  const content = {
    type: 1,
    principals: wire('postgres'),
    after: 1n,
    before: 2n,
    critical: Buffer.alloc(0),
    extensions: option('permit-pty'),
    reserved: Buffer.alloc(0),
    ...(typeof fields.extensions === 'function' ? { extensions: fields.extensions(option) } : fields),
  } as unknown as Record<string, never>
  const body = wire(
    'ssh-ed25519-cert-v01@openssh.com',
    'nonce',
    Buffer.alloc(32, 7),
    { uint64: 5n },
    { uint32: content.type ?? 1 },
    'id',
    content.principals ?? '',
    { uint64: content.after ?? 1n },
    { uint64: content.before ?? 2n },
    content.critical ?? '',
    content.extensions ?? '',
    content.reserved ?? '',
    caKey.blob,
  )
  return wire({ raw: body }, await authority.sign(body))
}
type Option = (name: string, value?: string) => Buffer
const forgeries: [rule: string, fields: Record<string, unknown>, code: ErrorCode][] = [
  ['a host certificate', { type: 2 }, 'CERTIFICATE_MALFORMED'],
  ['no principals at all (CVE-2024-7594)', { principals: Buffer.alloc(0) }, 'CERTIFICATE_PRINCIPAL'],
  ['an empty principal', { principals: wire('') }, 'CERTIFICATE_PRINCIPAL'],
  ['an end before the beginning', { before: 1n }, 'CERTIFICATE_MALFORMED'],
  ['no end at all', { before: 2n ** 64n - 1n }, 'CERTIFICATE_MALFORMED'],
  ['something in the reserved field', { reserved: Buffer.from('x') }, 'CERTIFICATE_MALFORMED'],
  [
    'options out of order',
    { extensions: (o: Option) => Buffer.concat([o('permit-pty'), o('permit-agent-forwarding')]) },
    'CERTIFICATE_MALFORMED',
  ],
  [
    'an option twice',
    { extensions: (o: Option) => Buffer.concat([o('permit-pty'), o('permit-pty')]) },
    'CERTIFICATE_MALFORMED',
  ],
  ['an unknown extension', { extensions: (o: Option) => o('permit-all') }, 'CERTIFICATE_OPTION_UNKNOWN'],
  [
    'a value that is no JSON text',
    { extensions: (o: Option) => o('permit-exec@regate', '[') },
    'CERTIFICATE_MALFORMED',
  ],
  [
    'a value of the wrong shape',
    { extensions: (o: Option) => o('permit-exec@regate', '3') },
    'CERTIFICATE_OPTION_VALUE',
  ],
]
test('a certificate put together by hand decodes', async () => {
  assert.equal(decode(await forged(), caKey).serial, 5n)
})
for (const [rule, fields, expected] of forgeries)
  test(`not decoded although signed: ${rule}`, async () => {
    const bytes = await forged(fields)
    assert.throws(() => decode(bytes, caKey), code(expected))
  })

// The authority's key

test('the line for TrustedUserCAKeys is the public key', () => {
  const [type, key] = readFileSync(join(folder, 'ca.pub'), 'utf8').split(' ')
  assert.equal(caLine(caKey, 'regate'), `${type} ${key} regate`)
})
test('an RSA key signs no certificates', () =>
  assert.throws(() => authorityFromKey(makeKey('rsa', 'rsa', '-b', '2048')), code('KEY_FILE')))
test('nor does one with a passphrase', () => {
  keygen('-q', '-t', 'ed25519', '-N', 'secret', '-f', join(folder, 'locked'))
  assert.throws(() => authorityFromKey(readFileSync(join(folder, 'locked'), 'utf8')), /encrypted/)
})
test('nor something else', () => assert.throws(() => authorityFromKey('hello'), code('KEY_FILE')))
test('a signer that fails is told', async () => {
  const broken = { ...authority, sign: () => Promise.reject(new Error('gone')) }
  await assert.rejects(issue(request(), occasion, limits, broken), code('CERTIFICATE_SIGNER'))
})
test('a signer that signs something else is found out', async () => {
  const lying = { ...authority, sign: () => other.sign(Buffer.from('something else')) }
  await assert.rejects(issue(request(), occasion, limits, lying), code('CERTIFICATE_SIGNATURE'))
})
