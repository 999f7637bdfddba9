import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rate, Rates } from '../../src/gateway/rates.ts'
import type { Address } from '../../src/model/address.ts'
import type { Milliseconds } from '../../src/model/units.ts'

const at = (seconds: number): Milliseconds => (seconds * 1000) as Milliseconds
const address = (last: number): Address => `203.0.${last >> 8}.${last & 255}` as Address

test('as many as a minute has may come at once, and then one by one', () => {
  const rate = new Rate(() => 2, at(0))
  const taken = [0, 0, 0, 29, 30, 31, 59, 60].map((second) => rate.take(at(second)))
  assert.deepEqual(taken, [true, true, false, false, true, false, false, true])
})
test('a long silence saves up no more than a minute', () => {
  const rate = new Rate(() => 2, at(0))
  assert.deepEqual([rate.take(at(9_000)), rate.take(at(9_000)), rate.take(at(9_000))], [true, true, false])
})
test('a source that has taken its own takes nothing of the others', () => {
  const rates = new Rates(() => ({ total: 3, perSource: 1 }), at(0))
  for (let count = 0; count < 9; count++) rates.take(address(1), at(0))
  assert.ok(rates.take(address(2), at(0)))
})
test('all sources together have a rate too', () => {
  const rates = new Rates(() => ({ total: 2, perSource: 2 }), at(0))
  assert.deepEqual(
    [1, 2, 3].map((last) => rates.take(address(last), at(0))),
    [true, true, false],
  )
})
test('an IPv6 /64 is one source', () => {
  const rates = new Rates(() => ({ total: 9, perSource: 1 }), at(0))
  assert.ok(rates.take('2001:db8::1' as Address, at(0)))
  assert.ok(!rates.take('2001:db8::2' as Address, at(0)))
})
test('among more sources than are remembered the last ones still have their rate', () => {
  const rates = new Rates(() => ({ total: 1e6, perSource: 1 }), at(0))
  for (let last = 0; last < 10_500; last++) assert.ok(rates.take(address(last), at(0)))
  assert.ok(!rates.take(address(10_499), at(0)))
  assert.ok(rates.take(address(0), at(0)), 'forgotten')
})
