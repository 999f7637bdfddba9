import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../src/model/errors.ts'
import { WireReader, wire } from '../../src/model/wire.ts'

test('what is written reads back (RFC 4251 section 5)', () => {
  const parts = fc.tuple(
    fc.uint8Array(),
    fc.string(),
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.boolean(),
  )
  fc.assert(
    fc.property(parts, ([bytes, text, word, long, truth]) => {
      const well = text.toWellFormed()
      const reader = new WireReader(
        wire(7, bytes, well, { uint32: word }, { uint64: long }, { boolean: truth }, { raw: bytes }),
      )
      assert.equal(reader.byte(), 7)
      assert.deepEqual([...reader.string()], [...bytes])
      assert.equal(reader.utf8(), well)
      assert.equal(reader.uint32(), word)
      assert.equal(reader.uint64(), long)
      assert.equal(reader.boolean(), truth)
      assert.deepEqual([...reader.rest()], [...bytes])
      reader.end()
    }),
  )
})

const malformed: [rule: string, bytes: number[], read: (reader: WireReader) => unknown][] = [
  ['a string longer than the message', [0, 0, 0, 5, 1], (reader) => reader.string()],
  ['a string of four gigabytes', [0xff, 0xff, 0xff, 0xff], (reader) => reader.string()],
  ['a uint32 that is cut short', [0, 0, 0], (reader) => reader.uint32()],
  ['a uint64 that is cut short', [0, 0, 0, 0, 0], (reader) => reader.uint64()],
  ['a byte where nothing is left', [], (reader) => reader.byte()],
  ['a name with a control character', [0, 0, 0, 1, 9], (reader) => reader.ascii()],
  ['a name beyond ASCII', [0, 0, 0, 2, 0xc3, 0xa9], (reader) => reader.ascii()],
  ['a text that is not UTF-8', [0, 0, 0, 1, 0xff], (reader) => reader.utf8()],
  ['a negative mpint', [0, 0, 0, 1, 0x80], (reader) => reader.mpint()],
  ['an mpint with a zero too many', [0, 0, 0, 2, 0, 0x7f], (reader) => reader.mpint()],
  ['a zero that is written out', [0, 0, 0, 1, 0], (reader) => reader.mpint()],
  ['something left over', [0], (reader) => reader.end()],
]
for (const [rule, bytes, read] of malformed)
  test(`${rule} is refused`, () => {
    assert.throws(
      () => read(new WireReader(Buffer.from(bytes))),
      (error) => error instanceof GatewayError && error.code === 'WIRE_MALFORMED',
    )
  })

const numbers: [number: bigint, bytes: number[]][] = [
  [0n, []],
  [1n, [1]],
  [127n, [127]],
  [128n, [0, 128]],
  [0x9a378f9b2e332a7n, [0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]],
]
for (const [number, bytes] of numbers)
  test(`the mpint ${number} reads (RFC 4251 section 5)`, () =>
    assert.equal(new WireReader(wire(Buffer.from(bytes))).mpint(), number))
