import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Places } from '../../src/gateway/places.ts'
import type { Address } from '../../src/model/address.ts'

const a = '203.0.113.1' as Address
const b = '203.0.113.2' as Address

test('a source gets its share and no more', () => {
  const places = new Places(() => ({ total: 10, perSource: 2 }))
  assert.ok(places.take(a) && places.take(a))
  assert.equal(places.take(a), undefined)
  assert.ok(places.take(b))
})
test('all together get the total and no more', () => {
  const places = new Places(() => ({ total: 2, perSource: 2 }))
  assert.ok(places.take(a) && places.take(b))
  assert.equal(places.take(b), undefined)
})
test('a place given back is free again, once', () => {
  const places = new Places(() => ({ total: 1, perSource: 1 }))
  const place = places.take(a)
  place?.[Symbol.dispose]()
  place?.[Symbol.dispose]()
  assert.equal(places.taken, 0)
  assert.ok(places.take(a))
  assert.equal(places.take(a), undefined)
})
test('an IPv6 /64 is one source', () => {
  const places = new Places(() => ({ total: 10, perSource: 1 }))
  assert.ok(places.take('2001:db8::1' as Address))
  assert.equal(places.take('2001:db8::2' as Address), undefined)
  assert.ok(places.take('2001:db8:0:1::1' as Address))
})

// OpenSSH's MaxStartups: sshd.c, should_drop_connection
const early = { total: 20, perSource: 100, early: { from: 10, percent: 30 } }
const chances: [rule: string, taken: number, draw: number, place: boolean][] = [
  ['below the first number nobody is turned away', 9, 0, true],
  ['from there on so many of a hundred are', 10, 0.29, false],
  ['and the others not', 10, 0.31, true],
  ['half-way to the total it is half-way to all', 15, 0.64, false],
  ['half-way to the total some still get in', 15, 0.66, true],
  ['at the total nobody does', 20, 0.999, false],
]
for (const [rule, taken, draw, place] of chances)
  test(rule, () => {
    let drawn = 0.999
    const places = new Places(
      () => early,
      () => drawn,
    )
    for (let count = 0; count < taken; count++) assert.ok(places.take(a))
    drawn = draw
    assert.equal(places.take(b) !== undefined, place)
  })
test('who waits aside takes no place of others, but still of its own source', () => {
  const places = new Places(() => ({ total: 1, perSource: 1 }))
  const place = places.take(a)
  const aside = place?.aside()
  assert.equal(places.taken, 0)
  assert.equal(places.take(a), undefined)
  assert.ok(places.take(b))
  aside?.[Symbol.dispose]()
  aside?.[Symbol.dispose]()
  assert.equal(places.taken, 2)
  place?.[Symbol.dispose]()
  assert.equal(places.taken, 1)
})
test('who leaves while aside is counted no more', () => {
  const places = new Places(() => ({ total: 1, perSource: 1 }))
  const place = places.take(a)
  const [first, second] = [place?.aside(), place?.aside()]
  first?.[Symbol.dispose]()
  assert.equal(places.taken, 0)
  place?.[Symbol.dispose]()
  second?.[Symbol.dispose]()
  assert.equal(places.taken, 0)
  assert.ok(places.take(a))
})
