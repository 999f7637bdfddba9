import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../src/model/errors.ts'
import { wire } from '../../src/model/wire.ts'
import { readUserKey } from '../../src/ssh/user-key.ts'
import { makeWorkspace } from '../support/workspace.ts'

const point = (coordinate: number): Buffer => Buffer.concat([Buffer.of(4), Buffer.alloc(2 * coordinate, 1)])
const ed25519 = wire('ssh-ed25519', Buffer.alloc(32, 7))
const p256 = wire('ecdsa-sha2-nistp256', 'nistp256', point(32))
const skEd25519 = 'sk-ssh-ed25519@openssh.com'
const skEcdsa = 'sk-ecdsa-sha2-nistp256@openssh.com'
const usual = Buffer.of(1, 0, 1)
/** A modulus of so many bits, in its one spelling. */
const modulus = (bits: number): Buffer => {
  const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff)
  bytes[0] = 0xff >> (bytes.length * 8 - bits)
  return bits % 8 === 0 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
}
const rsa = (exponent: Buffer = usual, n: Buffer = modulus(3_072)): Buffer => wire('ssh-rsa', exponent, n)
const more = (blob: Buffer): Buffer => Buffer.concat([blob, Buffer.of(0)])

const rows: [rule: string, algorithm: string, blob: Buffer, message?: RegExp][] = [
  ['Ed25519', 'ssh-ed25519', ed25519],
  ['ECDSA on nistp256', 'ecdsa-sha2-nistp256', p256],
  ['on nistp384', 'ecdsa-sha2-nistp384', wire('ecdsa-sha2-nistp384', 'nistp384', point(48))],
  ['on nistp521', 'ecdsa-sha2-nistp521', wire('ecdsa-sha2-nistp521', 'nistp521', point(66))],
  ['RSA with the usual exponent', 'ssh-rsa', rsa()],
  ['RSA with an exponent of 64 bits', 'ssh-rsa', rsa(Buffer.from('00ffffffffffffffff', 'hex'))],
  ['RSA of 8192 bits', 'ssh-rsa', rsa(usual, modulus(8_192))],
  ['Ed25519 with a byte more', 'ssh-ed25519', more(ed25519), /does not read/],
  ['ECDSA with a byte more', 'ecdsa-sha2-nistp256', more(p256), /does not read/],
  ['RSA with a byte more', 'ssh-rsa', more(rsa()), /does not read/],
  ['Ed25519 of 31 bytes', 'ssh-ed25519', wire('ssh-ed25519', Buffer.alloc(31)), /another length/],
  ['a key of another kind than it says', 'ssh-ed25519', p256, /another kind/],
  ['a point on another curve', 'ecdsa-sha2-nistp256', wire('ecdsa-sha2-nistp256', 'nistp384', point(48)), /curve/],
  ['a compressed point', 'ecdsa-sha2-nistp256', wire('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 2)), /point/],
  ['an exponent with a zero too many', 'ssh-rsa', rsa(Buffer.of(0, 1, 0, 1)), /does not read/],
  ['a modulus with a zero too many', 'ssh-rsa', rsa(usual, more(Buffer.of(0))), /does not read/],
  ['a negative modulus', 'ssh-rsa', rsa(usual, Buffer.alloc(384, 0xff)), /does not read/],
  ['no modulus', 'ssh-rsa', rsa(usual, Buffer.alloc(0)), /at least 3072 bits/],
  ['an exponent of 1', 'ssh-rsa', rsa(Buffer.of(1)), /exponent/],
  ['an even exponent', 'ssh-rsa', rsa(Buffer.of(4)), /exponent/],
  ['an exponent of 0', 'ssh-rsa', rsa(Buffer.alloc(0)), /exponent/],
  ['an exponent of 65 bits', 'ssh-rsa', rsa(Buffer.from('01ffffffffffffffff', 'hex')), /exponent/],
  ['RSA of 2048 bits, where 3072 are wanted', 'ssh-rsa', rsa(usual, modulus(2_048)), /at least 3072 bits, not 2048/],
  ['RSA of 8200 bits', 'ssh-rsa', rsa(usual, modulus(8_200)), /at most 8192/],
  ['a megabyte', 'ssh-rsa', rsa(usual, Buffer.alloc(1_000_000, 1)), /too long/],
  ['an Ed25519 key of a FIDO token', skEd25519, wire(skEd25519, Buffer.alloc(32, 7), 'ssh:')],
  ['an ECDSA key of one', skEcdsa, wire(skEcdsa, 'nistp256', point(32), 'ssh:')],
  ['one without an application', skEd25519, wire(skEd25519, Buffer.alloc(32, 7)), /does not read/],
  ['one with a byte more', skEd25519, more(wire(skEd25519, Buffer.alloc(32, 7), 'ssh:')), /does not read/],
  ['one on another curve', skEcdsa, wire(skEcdsa, 'nistp384', point(48), 'ssh:'), /curve/],
  ['a plain key that says it is one', skEd25519, ed25519, /another kind/],
  ['one that says it is a plain key', 'ssh-ed25519', wire(skEd25519, Buffer.alloc(32, 7), 'ssh:'), /another kind/],
  ['a certificate of one', 'sk-ssh-ed25519-cert-v01@openssh.com', ed25519, /^certificates/],
  ['a certificate', 'ssh-ed25519-cert-v01@openssh.com', ed25519, /^certificates/],
  ['DSA', 'ssh-dss', ed25519, /^ssh-dss keys are not taken$/],
  ['a kind with control characters', 'ssh\x1b[m', ed25519, /^ssh\?\[m keys are not taken$/],
]
for (const [rule, algorithm, blob, message] of rows)
  test(`${rule} is ${message === undefined ? 'taken' : 'refused'}`, () => {
    const read = () => readUserKey(algorithm, algorithm === 'ssh-rsa' ? 'sha256' : undefined, blob, 3_072)
    if (message === undefined) assert.equal(read().type, algorithm)
    else assert.throws(read, { code: 'KEY_UNSUPPORTED', message })
  })

test('a signature of RSA with SHA-1 is refused', () =>
  assert.throws(() => readUserKey('ssh-rsa', undefined, rsa(), 3_072), { code: 'KEY_UNSUPPORTED', message: /SHA-1/ }))

for (const [type, ...more] of [['ed25519'], ['ecdsa', '-b', '521'], ['rsa', '-b', '3072']] as [string, ...string[]][])
  test(`what ssh-keygen makes of ${type} is taken`, () => {
    using workspace = makeWorkspace()
    const [algorithm = '', base64 = ''] = readFileSync(`${workspace.key('key', type, ...more)}.pub`, 'utf8').split(' ')
    assert.equal(readUserKey(algorithm, 'sha512', Buffer.from(base64, 'base64'), 3_072).type, algorithm)
  })

test('the exponent 3 of old keys is taken', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 })
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const blob = wire('ssh-rsa', Buffer.from(e, 'base64url'), Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]))
  assert.equal(readUserKey('ssh-rsa', 'sha256', blob, 2_048).rsaBits, 2_048)
})

test('any bytes are read or refused with the one code', () => {
  const kinds = fc.constantFrom('ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa')
  fc.assert(
    fc.property(kinds, fc.uint8Array({ maxLength: 80 }), (kind, bytes) => {
      try {
        readUserKey(kind, 'sha256', Buffer.concat([wire(kind), bytes]), 2_048)
      } catch (error) {
        assert.ok(error instanceof GatewayError && error.code === 'KEY_UNSUPPORTED', String(error))
      }
    }),
  )
})
