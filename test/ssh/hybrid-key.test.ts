import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hybridSide } from '../../src/ssh/hybrid-key.ts'

const client = hybridSide(false)
const offer = client.publicValue()
const answerTo = (value: Buffer): { answer: Buffer; secret: Buffer } => {
  const server = hybridSide(true)
  const secret = server.secret(value)
  return { answer: server.publicValue(), secret }
}
/** A copy with other bytes from `at` on. */
const changed = (value: Buffer, at: number, bytes: Buffer): Buffer => {
  const copy = Buffer.from(value)
  bytes.copy(copy, at)
  return copy
}

test('both sides have the same secret, of 32 bytes, and their values are as long as FIPS 203 and RFC 7748 make them', () => {
  const { answer, secret } = answerTo(offer)
  assert.equal(offer.length, 1184 + 32)
  assert.equal(answer.length, 1088 + 32)
  assert.equal(secret.length, 32)
  assert.deepEqual(client.secret(answer), secret)
})

test('each exchange has keys of its own', () => {
  assert.notDeepEqual(hybridSide(false).publicValue(), offer)
  assert.notDeepEqual(answerTo(offer).secret, answerTo(offer).secret)
})

const { answer, secret } = answerTo(offer)
const zeroPoint = Buffer.alloc(32)
/** Of order eight: every secret with it is zero (RFC 7748 section 7). */
const smallPoint = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex')

const refused: [rule: string, side: 'client' | 'server', value: Buffer][] = [
  ['nothing', 'server', Buffer.alloc(0)],
  ['a classic key', 'server', offer.subarray(1184)],
  ['a byte too few', 'server', offer.subarray(1)],
  ['a byte too many', 'server', Buffer.concat([offer, Buffer.from([0])])],
  ['a point that makes the secret zero', 'server', changed(offer, 1184, zeroPoint)],
  ['one that does so by its order', 'server', changed(offer, 1184, smallPoint)],
  ['coefficients beyond the modulus (FIPS 203 section 7.2)', 'server', changed(offer, 0, Buffer.alloc(96, 0xff))],
  ['nothing as an answer', 'client', Buffer.alloc(0)],
  ['an answer of a byte too few', 'client', answer.subarray(1)],
  ['an answer of a byte too many', 'client', Buffer.concat([answer, Buffer.from([0])])],
  ['an answer that is as long as an offer', 'client', offer],
  ['an answer whose point makes the secret zero', 'client', changed(answer, 1088, zeroPoint)],
]
for (const [rule, side, value] of refused)
  test(`refused: ${rule}`, () => assert.throws(() => (side === 'client' ? client.secret(value) : answerTo(value))))

test('an answer that was changed on its way gives another secret, whichever half it is', () => {
  for (const at of [0, 1087, 1088, 1118]) {
    const bent = changed(answer, at, Buffer.from([(answer[at] ?? 0) ^ 1]))
    assert.notDeepEqual(client.secret(bent), secret)
  }
})

test('whatever bytes come, there is a secret of 32 bytes or an Error', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 2000 }), fc.uint8Array({ minLength: 1120, maxLength: 1120 }))
  fc.assert(
    fc.property(bytes, fc.boolean(), (value, isServer) => {
      const other = Buffer.from(value)
      try {
        assert.equal(isServer ? hybridSide(true).secret(other).length : client.secret(other).length, 32)
      } catch (thrown) {
        assert.ok(thrown instanceof Error)
        assert.notEqual(thrown.name, 'AssertionError')
      }
    }),
  )
})
