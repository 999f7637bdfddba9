import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fingerprintOf } from '../../src/model/fingerprint.ts'
import type { UnixSeconds } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { hostCertificateAlgorithms, hostKeyAlgorithms } from '../../src/ssh/algorithms.ts'
import { readHostCertificate } from '../../src/ssh/host-certificate.ts'
import { parseHostKey } from '../../src/ssh/host-key.ts'
import { algorithmsFor, checkHostKey, type KnownHostKeys } from '../../src/ssh/host-keys.ts'
import { type CertificateChange, ed25519, hostCertificate, rsa, type TestKey } from '../support/host-certificate.ts'

const [host, other, authority, stranger, rsaAuthority, rsaHost] = [
  ed25519(),
  ed25519(),
  ed25519(),
  ed25519(),
  rsa(),
  rsa(2048),
]
const text = ({ type, blob }: TestKey): string => `${type} ${blob.toString('base64')}`
const nothing: KnownHostKeys = { keys: [], authorities: [], revoked: [] }
const now = 1500 as UnixSeconds
const check = (known: Partial<KnownHostKeys>, shown: Buffer, name = 'db1', at = now): Buffer =>
  checkHostKey({ ...nothing, ...known }, shown, name, at)

test('a known key passes', () => assert.deepEqual(check({ keys: [host] }, host.blob), host.blob))
test('another key is refused with both fingerprints', () =>
  assert.throws(() => check({ keys: [host] }, other.blob), {
    code: 'HOST_KEY_MISMATCH',
    message: `the host showed ${fingerprintOf(other.blob)}, known: ${fingerprintOf(host.blob)}`,
  }))
test('without a known key no key is right', () =>
  assert.throws(() => check({}, host.blob), { code: 'HOST_KEY_UNKNOWN' }))
test('a revoked key is refused, though it is known', () =>
  assert.throws(() => check({ keys: [host], revoked: [host.blob] }, host.blob), { code: 'HOST_KEY_REVOKED' }))

const byAuthority = { authorities: [authority, rsaAuthority] }
const critical = wire('force-command', wire('x'))
type Row = [rule: string, change: CertificateChange, refused?: RegExp]
const certificates: Row[] = [
  ['passes', {}],
  ['for several hosts passes', { principals: ['a', 'db1'] }],
  ['for a pattern of hosts passes', { principals: ['db?'] }],
  ['of an RSA key passes', { key: rsaHost }],
  ['by an RSA authority passes', { authority: rsaAuthority }],
  ['by one that signs with SHA-256 passes', { authority: rsaAuthority, algorithm: 'rsa-sha2-256' }],
  ['without end passes', { validBefore: 0xffff_ffff_ffff_ffffn }],
  ['with extensions passes: they restrict nothing', { extensions: wire('whatever', '') }],
  ['for another host', { principals: ['db2'] }, /is for db2, not db1/],
  ['for no host', { principals: [] }, /is for no host/],
  ['for the empty name', { principals: [''] }, /not db1/],
  ['for a person', { type: 1 }, /not a host’s/],
  ['of no known type', { type: 3 }, /not a host’s/],
  ['that has run out', { validBefore: 1500n }, /good until 1970-01-01T00:25:00/],
  ['that is not good yet', { validAfter: 1501n }, /good from/],
  ['with a critical option', { critical }, /critical option: force-command/],
  ['whose signature is wrong', { spoilSignature: true }, /signature/],
  ['signed with SHA-1', { authority: rsaAuthority, algorithm: 'ssh-rsa' }, /signed with ssh-rsa, which is not taken/],
  ['signed by another in the authority’s name', { authority: stranger, signer: authority.blob }, /signature/],
  ['signed by a certificate', { authority: other, signer: hostCertificate(authority, other) }, /does not read/],
  ['signed by a short RSA key', { authority: rsa(1024) }, /RSA key of 1024 bits/],
  ['of a short RSA key', { key: rsa(1024) }, /RSA key of 1024 bits/],
  ['with bytes behind it', { trailing: Buffer.of(0) }, /does not read/],
]
for (const [rule, change, refused] of certificates)
  test(`a host certificate ${rule}`, () => {
    const shown = hostCertificate(authority, host, change)
    if (refused === undefined) assert.deepEqual(check(byAuthority, shown), (change.key ?? host).blob)
    else assert.throws(() => check(byAuthority, shown), { code: 'HOST_CERTIFICATE_INVALID', message: refused })
  })

test('names are compared without case', () =>
  assert.deepEqual(check(byAuthority, hostCertificate(authority, host), 'DB1'), host.blob))
test('a certificate of an authority that is not known is refused, with both fingerprints', () =>
  assert.throws(() => check(byAuthority, hostCertificate(stranger, host)), {
    code: 'HOST_KEY_MISMATCH',
    message: new RegExp(
      `certified by ${fingerprintOf(stranger.blob)}, known: any that is certified by`.replaceAll('+', '\\+'),
    ),
  }))
test('and counts as the key in it, when that is known', () =>
  assert.deepEqual(check({ keys: [host] }, hostCertificate(stranger, host)), host.blob))
test('a plain key does not pass for its certificate', () =>
  assert.throws(() => check(byAuthority, host.blob), { code: 'HOST_KEY_MISMATCH' }))
test('an authority that is revoked certifies nobody', () =>
  assert.throws(() => check({ ...byAuthority, revoked: [authority.blob] }, hostCertificate(authority, host)), {
    code: 'HOST_KEY_REVOKED',
  }))
test('nor is a revoked key saved by a certificate', () =>
  assert.throws(() => check({ ...byAuthority, revoked: [host.blob] }, hostCertificate(authority, host)), {
    code: 'HOST_KEY_REVOKED',
  }))

test('a certificate that was changed anywhere is refused', () => {
  const whole = hostCertificate(authority, host)
  const flip = fc.record({ at: fc.nat(whole.length - 1), bit: fc.nat(7) })
  fc.assert(
    fc.property(flip, ({ at, bit }) => {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      assert.throws(() => check(byAuthority, changed), { code: /HOST_(CERTIFICATE_INVALID|KEY_MISMATCH)/ })
    }),
    { numRuns: 400 },
  )
})
test('whatever the bytes, the certificate reads or is refused by its code', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const shown = wire('ssh-ed25519-cert-v01@openssh.com', { raw: bytes })
      assert.throws(() => readHostCertificate(shown), { code: 'HOST_CERTIFICATE_INVALID' })
    }),
  ))

test('a target is asked for what is known first, and for the rest so that it can be refused by name', () => {
  const known = algorithmsFor({ ...nothing, keys: [rsaHost] })
  assert.deepEqual(known.slice(0, 3), ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519'])
  assert.deepEqual(known.toSorted(), hostKeyAlgorithms.toSorted())
})
test('and for a certificate before all, when an authority is known', () =>
  assert.deepEqual(algorithmsFor({ ...nothing, ...byAuthority }).slice(0, 6), hostCertificateAlgorithms))

test('a key reads as host_keys has it', () => assert.deepEqual(parseHostKey(text(host)).blob, host.blob))
for (const written of [
  '',
  'ssh-ed25519',
  'ssh-ed25519 AAAA',
  `ssh-rsa ${text(host).split(' ')[1]}`,
  `ssh-ed25519 ${wire('ssh-ed25519', Buffer.alloc(31)).toString('base64')}`,
  `ssh-ed25519 ${hostCertificate(authority, host).toString('base64')}`,
  `ssh-dss ${wire('ssh-dss', 'x').toString('base64')}`,
  `x ${text(host)}`,
])
  test(`${JSON.stringify(written.slice(0, 20))} is no host key`, () =>
    assert.throws(() => parseHostKey(written), { code: 'CONFIG_INVALID' }))
