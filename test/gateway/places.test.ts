import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Places } from '../../src/gateway/places.ts'
import type { Address } from '../../src/model/address.ts'

const a = '203.0.113.1' as Address
const b = '203.0.113.2' as Address

test('a source gets its share and no more', () => {
  const places = new Places({ total: 10, perSource: 2 })
  assert.ok(places.take(a) && places.take(a))
  assert.equal(places.take(a), undefined)
  assert.ok(places.take(b))
})
test('all together get the total and no more', () => {
  const places = new Places({ total: 2, perSource: 2 })
  assert.ok(places.take(a) && places.take(b))
  assert.equal(places.take(b), undefined)
})
test('a place given back is free again, once', () => {
  const places = new Places({ total: 1, perSource: 1 })
  const place = places.take(a)
  place?.[Symbol.dispose]()
  place?.[Symbol.dispose]()
  assert.equal(places.taken, 0)
  assert.ok(places.take(a))
  assert.equal(places.take(a), undefined)
})
test('an IPv6 /64 is one source', () => {
  const places = new Places({ total: 10, perSource: 1 })
  assert.ok(places.take('2001:db8::1' as Address))
  assert.equal(places.take('2001:db8::2' as Address), undefined)
  assert.ok(places.take('2001:db8:0:1::1' as Address))
})
