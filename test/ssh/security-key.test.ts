import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readPublicKey } from '../../src/model/public-key.ts'
import { wire } from '../../src/model/wire.ts'
import { proveKey } from '../../src/ssh/user-key.ts'
import { makeSecurityKey, securityKeyTypes } from '../support/security-key.ts'

const data = Buffer.from('this very session')
const other = Buffer.from('another session')

for (const type of securityKeyTypes) {
  const token = makeSecurityKey(type)
  const key = readPublicKey(token.blob)
  const prove = (signature: Buffer, signed = data) => proveKey(key, signed, signature, undefined)

  const told: [rule: string, flags: number, touch: object][] = [
    ['touched', 0x01, { userPresent: true, userVerified: false }],
    ['touched, with a PIN', 0x05, { userPresent: true, userVerified: true }],
    ['nobody there', 0x00, { userPresent: false, userVerified: false }],
    ['verified without a touch', 0x04, { userPresent: false, userVerified: true }],
    ['flags that say nothing of the person', 0xfa, { userPresent: false, userVerified: false }],
  ]
  for (const [rule, flags, touch] of told)
    test(`${type}: ${rule}`, () => assert.deepEqual(prove(token.inside(data, { flags }))?.touch, touch))

  test(`${type}: the counter may be anything, and need not grow`, () => {
    for (const counter of [7, 0, 0xffff_ffff]) assert.ok(prove(token.inside(data, { counter })))
  })

  const good = token.inside(data)
  const flagsAt = good.length - 5
  const bent = (at: number, by = 1): Buffer => {
    const copy = Buffer.from(good)
    copy[at] = (copy[at] ?? 0) ^ by
    return copy
  }
  const refused: [rule: string, signature: Buffer][] = [
    ['of another session', token.inside(other)],
    ['of another key', makeSecurityKey(type).inside(data)],
    ['of the same key for another application', makeSecurityKey(type, 'https://example.com').inside(data)],
    [
      'to which a touch was added',
      Buffer.concat([token.inside(data, { flags: 0 }).subarray(0, -5), good.subarray(-5)]),
    ],
    ['to which a PIN was added', bent(flagsAt, 4)],
    ['with another counter', bent(good.length - 1)],
    ['with a byte too many', Buffer.concat([good, Buffer.of(0)])],
    ['with a byte too few', good.subarray(0, -1)],
    ['without flags and counter', good.subarray(0, -5)],
    ['that is empty', Buffer.alloc(0)],
    ['in its whole wire form', token.sign(data)],
  ]
  for (const [rule, signature] of refused)
    test(`${type}: no signature ${rule}`, () => assert.equal(prove(signature), undefined))

  test(`${type}: no bytes but its own are a signature`, () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        assert.equal(prove(Buffer.from(bytes)), undefined)
      }),
    ))
}

const ecdsa = 'sk-ecdsa-sha2-nistp256@openssh.com'
test('a point that is not on the curve proves nothing', () => {
  const point = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)])
  const key = readPublicKey(wire(ecdsa, 'nistp256', point, 'ssh:'))
  assert.equal(proveKey(key, data, makeSecurityKey(ecdsa).inside(data), undefined), undefined)
})

test('numbers longer than the curve prove nothing', () => {
  const key = readPublicKey(makeSecurityKey(ecdsa).blob)
  const long = wire(Buffer.alloc(400, 1))
  assert.equal(proveKey(key, data, Buffer.concat([long, long, Buffer.alloc(5, 1)]), undefined), undefined)
})

test('nor do zeroes', () => {
  const key = readPublicKey(makeSecurityKey(ecdsa).blob)
  assert.equal(proveKey(key, data, Buffer.concat([wire('', ''), Buffer.alloc(5, 1)]), undefined), undefined)
})
