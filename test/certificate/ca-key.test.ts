import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { caLine, readCaKey, readCaLine } from '../../src/certificate/ca-key.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import { wire } from '../../src/model/wire.ts'
import { makeWorkspace } from '../support/workspace.ts'

const code = (expected: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === expected

using workspace = makeWorkspace()
const lineOf = (type: string, ...more: string[]): string => {
  const name = [type, ...more].join('')
  workspace.key(name, type, ...more)
  return workspace.read(`${name}.pub`)
}
const ed25519 = lineOf('ed25519')
const [, base64 = ''] = ed25519.split(' ')
const blobOf = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64')

const taken: [rule: string, line: string][] = [
  ['Ed25519', ed25519],
  ['ECDSA', lineOf('ecdsa', '-b', '384')],
  ['RSA', lineOf('rsa', '-b', '3072')],
  ['one without a comment', `ssh-ed25519 ${base64}`],
]
for (const [rule, line] of taken)
  test(`a line is taken, and written as it was: ${rule}`, () => {
    const [type, written] = line.trim().split(' ')
    assert.equal(caLine(readCaLine(line), 'ca'), `${type} ${written} ca`)
  })

const rsa2048 = lineOf('rsa', '-b', '2048')
const refused: [rule: string, line: string][] = [
  ['nothing', ''],
  ['a text', 'hello'],
  ['two lines', `${ed25519}${ed25519}`],
  ['options before the key', `cert-authority ${ed25519}`],
  ['a type that the key is not', `ssh-rsa ${base64}`],
  ['base64 that is cut short', `ssh-ed25519 ${base64.slice(0, -4)}`],
  ['base64 with something in it', `ssh-ed25519 ${base64.slice(0, 20)}!${base64.slice(20)}`],
  ['a key that goes on', `ssh-ed25519 ${Buffer.concat([blobOf(ed25519), Buffer.from([0])]).toString('base64')}`],
  ['an RSA key that is too short', rsa2048],
  [
    'a certificate',
    `ssh-ed25519-cert-v01@openssh.com ${wire('ssh-ed25519-cert-v01@openssh.com', 'x').toString('base64')}`,
  ],
  [
    'a FIDO key',
    `sk-ssh-ed25519@openssh.com ${wire('sk-ssh-ed25519@openssh.com', Buffer.alloc(32), 'ssh:').toString('base64')}`,
  ],
  ['__proto__ as a type', `__proto__ ${wire('__proto__', '').toString('base64')}`],
  ['a point of another length', `ssh-ed25519 ${wire('ssh-ed25519', Buffer.alloc(31)).toString('base64')}`],
  [
    'a point that is on no curve',
    `ecdsa-sha2-nistp256 ${wire('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4)).toString('base64')}`,
  ],
  [
    'a curve that the type does not name',
    `ecdsa-sha2-nistp256 ${wire('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(65, 4)).toString('base64')}`,
  ],
]
for (const [rule, line] of refused)
  test(`not a user CA: ${rule}`, () => assert.throws(() => readCaLine(line), code('KEY_FILE')))

test('the number of bits is the modulus’ own', () =>
  assert.throws(() => readCaLine(rsa2048), /an RSA key of 2048 bits; taken: 3072 to 16384/))

// Signatures

const data = Buffer.from('what is signed')
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3_072 })
const jwk = publicKey.export({ format: 'jwk' })
const mpint = (text = ''): Buffer => {
  const bytes = Buffer.from(text, 'base64url')
  return (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes
}
const rsa = readCaKey(wire('ssh-rsa', mpint(jwk.e), mpint(jwk.n)))
const rsaSignature = (hash: string): Buffer => sign(hash, data, privateKey)

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const point = ec.publicKey.export({ format: 'jwk' })
const ecKey = readCaKey(
  wire(
    'ecdsa-sha2-nistp256',
    'nistp256',
    Buffer.concat([Buffer.of(4), Buffer.from(point.x ?? '', 'base64url'), Buffer.from(point.y ?? '', 'base64url')]),
  ),
)
const raw = sign('sha256', data, {
  key: createPrivateKey(ec.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  dsaEncoding: 'ieee-p1363',
})
const trimmed = (bytes: Buffer): Buffer => {
  const start = bytes.findIndex((byte) => byte !== 0)
  return mpint(bytes.subarray(start).toString('base64url'))
}
const [r, s] = [trimmed(raw.subarray(0, 32)), trimmed(raw.subarray(32))]
const padded = (number: Buffer): Buffer => Buffer.concat([Buffer.of(0), number])

const signatures: [rule: string, key: typeof rsa, signature: Buffer, verifies: boolean][] = [
  ['RSA with SHA-512', rsa, wire('rsa-sha2-512', rsaSignature('sha512')), true],
  ['RSA with SHA-256 is another algorithm', rsa, wire('rsa-sha2-256', rsaSignature('sha256')), false],
  ['SHA-1 under its own name', rsa, wire('ssh-rsa', rsaSignature('sha1')), false],
  ['SHA-1 under the name of SHA-512', rsa, wire('rsa-sha2-512', rsaSignature('sha1')), false],
  ['RSA cut short', rsa, wire('rsa-sha2-512', rsaSignature('sha512').subarray(1)), false],
  ['ECDSA', ecKey, wire('ecdsa-sha2-nistp256', wire(r, s)), true],
  ['ECDSA with its numbers changed round', ecKey, wire('ecdsa-sha2-nistp256', wire(s, r)), false],
  ['ECDSA with a number of more bytes than it needs', ecKey, wire('ecdsa-sha2-nistp256', wire(padded(r), s)), false],
  ['ECDSA with a negative number', ecKey, wire('ecdsa-sha2-nistp256', wire(Buffer.alloc(32, 0xff), s)), false],
  ['ECDSA with a number that is too long', ecKey, wire('ecdsa-sha2-nistp256', wire(Buffer.alloc(40, 1), s)), false],
  ['ECDSA as node writes it', ecKey, wire('ecdsa-sha2-nistp256', raw), false],
  ['ECDSA under another name', ecKey, wire('ssh-ed25519', wire(r, s)), false],
  ['something that follows', ecKey, wire('ecdsa-sha2-nistp256', wire(r, s), 'x'), false],
  ['nothing', ecKey, Buffer.alloc(0), false],
]
for (const [rule, key, signature, expected] of signatures)
  test(`a signature: ${rule}`, () => assert.equal(key.verifies(data, signature), expected))

test('no bytes make it throw, and none but the signature’s own are taken', () => {
  fc.assert(
    fc.property(fc.constantFrom(rsa, ecKey), fc.uint8Array({ maxLength: 500 }), (key, bytes) =>
      assert.equal(key.verifies(data, wire(key.algorithm, bytes)), false),
    ),
  )
})
