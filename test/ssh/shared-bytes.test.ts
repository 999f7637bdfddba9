import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedBytes } from '../../src/ssh/shared-bytes.ts'

test('the same bytes are the same memory, whoever asks', () => {
  const first = sharedBytes(Buffer.from('a key'))
  assert.equal(sharedBytes(new Uint8Array(Buffer.from('a key'))), first)
  assert.notEqual(sharedBytes(Buffer.from('another')), first)
  assert.equal(first.toString(), 'a key')
})
test('it is a copy, and holds on to nothing else', () => {
  const bytes = Buffer.from('mine')
  const shared = sharedBytes(bytes)
  bytes.fill(0)
  assert.deepEqual([shared.toString(), shared.buffer.byteLength], ['mine', 4])
})
test('bytes that are not text are not taken for others', () => {
  assert.deepEqual([...sharedBytes(Buffer.from([0xff, 0xfe, 0]))], [0xff, 0xfe, 0])
  assert.notEqual(sharedBytes(Buffer.from([0xff])), sharedBytes(Buffer.from([0xfd])))
})
test('the oldest are forgotten: there are never more than 256, and who has one keeps it', () => {
  const first = sharedBytes(Buffer.from('first'))
  for (let number = 0; number < 256; number++) sharedBytes(Buffer.from(`number ${number}`))
  const again = sharedBytes(Buffer.from('first'))
  assert.notEqual(again, first)
  assert.deepEqual(again, first)
})
