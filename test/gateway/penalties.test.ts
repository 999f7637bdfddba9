import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Offence } from '../../src/gateway/offences.ts'
import { Penalties, type PenaltyRules } from '../../src/gateway/penalties.ts'
import type { Address, Cidr } from '../../src/model/address.ts'
import { parseAddress } from '../../src/model/address.ts'
import type { Milliseconds } from '../../src/model/units.ts'

const seconds = (count: number): Milliseconds => (count * 1_000) as Milliseconds
const rules: PenaltyRules = {
  amounts: {
    'crash': seconds(90),
    'authfail': seconds(5),
    'grace-exceeded': seconds(10),
    'refuse-connection': seconds(10),
    'noauth': seconds(1),
  },
  least: seconds(15),
  most: seconds(600),
  sources: 3,
  overflow: 'permissive',
  exempt: ['10.0.0.0/8', '2001:db8:1::/48'] as Cidr[],
}
const a = '203.0.113.1' as Address

type History = readonly [at: number, Offence][]
const each = (offence: Offence, ...at: number[]): History => at.map((second) => [second, offence])
const histories: [rule: string, offences: History, asked: number, refused: boolean][] = [
  ['who did nothing is taken', [], 0, false],
  ['one failure is not acted on', [[0, 'authfail']], 1, false],
  ['failures add up', each('authfail', 0, 1, 2, 3), 4, true],
  ['and pass by themselves', each('authfail', 0, 1, 2, 3), 21, false],
  ['failures that are far apart do not', each('authfail', 0, 6, 12, 18), 19, false],
  ['what breaks the protocol is acted on at once', [[0, 'crash']], 89, true],
  ['and no longer than it lasts', [[0, 'crash']], 90, false],
  ['what is acted on holds to its end, also below the least', [[0, 'crash']], 80, true],
  ['no more adds up than the most', each('crash', ...Array<number>(20).fill(0)), 601, false],
  ['and that much does', each('crash', ...Array<number>(20).fill(0)), 599, true],
]
for (const [rule, offences, asked, refused] of histories)
  test(rule, () => {
    const penalties = new Penalties(() => rules)
    for (const [at, offence] of offences) penalties.punish(a, offence, seconds(at))
    assert.equal(penalties.refuses(a, seconds(asked)), refused)
  })

const places: [rule: string, punished: string, asked: string, refused: boolean][] = [
  ['another address is another source', '203.0.113.1', '203.0.113.2', false],
  ['an IPv6 /64 is one source', '2001:db8::1', '2001:db8::ffff', true],
  ['the next /64 is another', '2001:db8::1', '2001:db8:0:1::1', false],
  ['an IPv4-mapped address is the IPv4 one', '::ffff:203.0.113.1', '203.0.113.1', true],
  ['who is exempt is never penalised', '10.1.2.3', '10.1.2.3', false],
  ['an exempt network of IPv6', '2001:db8:1::9', '2001:db8:1::9', false],
  ['loopback is a source like any other', '127.0.0.1', '127.0.0.1', true],
]
for (const [rule, punished, asked, refused] of places)
  test(rule, () => {
    const penalties = new Penalties(() => rules)
    penalties.punish(parseAddress(punished) as Address, 'crash', seconds(0))
    assert.equal(penalties.refuses(parseAddress(asked) as Address, seconds(1)), refused)
  })

const b = '203.0.113.2' as Address
const c = '203.0.113.3' as Address
const d = '203.0.113.4' as Address

test('when there are too many the penalty that ends first is forgotten', () => {
  const penalties = new Penalties(() => rules)
  for (const source of [a, b, b, c]) penalties.punish(source, 'crash', seconds(source === a ? 10 : 0))
  penalties.punish(d, 'crash', seconds(10))
  assert.deepEqual(
    [a, b, c, d].map((source) => penalties.refuses(source, seconds(11))),
    [true, true, false, true],
  )
  assert.equal(penalties.size, 3)
})
test('sources of IPv6, which cost nothing, push none of IPv4 out', () => {
  const penalties = new Penalties(() => rules)
  penalties.punish(a, 'crash', seconds(0))
  for (let net = 0; net < 50; net++) penalties.punish(`2001:db8:2:${net}::1` as Address, 'crash', seconds(1))
  assert.ok(penalties.refuses(a, seconds(2)))
  assert.equal(penalties.size, 4)
})
test('deny_all: while the table is full nobody is taken who is not exempt', () => {
  const penalties = new Penalties(() => ({ ...rules, overflow: 'deny_all' }))
  for (const source of [a, b, c, d]) penalties.punish(source, 'crash', seconds(0))
  assert.equal(penalties.size, 3)
  assert.ok(penalties.refuses('198.51.100.1' as Address, seconds(1)))
  assert.ok(!penalties.refuses('10.0.0.1' as Address, seconds(1)))
  assert.ok(!penalties.refuses('198.51.100.1' as Address, seconds(92)))
})
test('changed rules hold at once', () => {
  let now = rules
  const penalties = new Penalties(() => now)
  penalties.punish(a, 'crash', seconds(0))
  now = { ...rules, exempt: ['203.0.113.0/24' as Cidr] }
  assert.ok(!penalties.refuses(a, seconds(1)))
  now = { ...rules, amounts: { ...rules.amounts, noauth: seconds(0) } }
  assert.ok(!penalties.punish(b, 'noauth', seconds(1)))
  assert.equal(penalties.size, 1)
})
test('a flood of sources is remembered as far as there is room, and in little time', () => {
  const penalties = new Penalties(() => ({ ...rules, sources: 65_536 }))
  const begun = performance.now()
  for (let count = 0; count < 200_000; count++) {
    const source = `${1 + (count >> 16)}.${(count >> 8) & 255}.${count & 255}.1` as Address
    penalties.punish(source, count % 3 === 0 ? 'noauth' : 'crash', (count / 1_000) as Milliseconds)
  }
  assert.equal(penalties.size, 65_536)
  assert.ok(performance.now() - begun < 20_000, 'no search through all of them')
})
