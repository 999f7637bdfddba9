import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Address,
  type Cidr,
  cidrContains,
  cidrCovers,
  hostCidr,
  limitPrefix,
  loginPrefix,
  parseAddress,
  parseCidr,
} from '../../src/model/address.ts'

const addresses: [text: string, address: string | undefined][] = [
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::FFFF:cb00:7109', '203.0.113.9'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['010.0.0.1', undefined],
  ['10.1', undefined],
  ['0x7f.0.0.1', undefined],
  ['2130706433', undefined],
  ['fe80::1%eth0', undefined],
  ['[::1]', undefined],
  ['localhost', undefined],
  ['', undefined],
]
for (const [text, address] of addresses)
  test(`${JSON.stringify(text)} is ${address ?? 'no address'}`, () => assert.equal(parseAddress(text), address))

const cidrs: [text: string, cidr: string | undefined][] = [
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.1', '10.0.0.1/32'],
  ['10.0.0.1/8', undefined],
  ['10.0.0.0/08', undefined],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0/8/8', undefined],
  ['10.0.0.0/', undefined],
  ['2001:db8::/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['::ffff:10.0.0.0/104', undefined],
  ['/8', undefined],
]
for (const [text, cidr] of cidrs) test(`${text} is ${cidr ?? 'no CIDR'}`, () => assert.equal(parseCidr(text), cidr))

const covers: [wide: string, narrow: string, covered: boolean][] = [
  ['10.0.0.0/8', '10.1.0.0/16', true],
  ['10.0.0.0/8', '10.0.0.0/8', true],
  ['10.1.0.0/16', '10.0.0.0/8', false],
  ['10.0.0.0/8', '11.0.0.0/16', false],
  ['0.0.0.0/0', '::/0', false],
  ['::/0', '10.0.0.0/8', false],
  ['2001:db8::/32', '2001:db8::5/128', true],
]
for (const [wide, narrow, covered] of covers)
  test(`${wide} ${covered ? 'covers' : 'does not cover'} ${narrow}`, () =>
    assert.equal(cidrCovers(wide as Cidr, narrow as Cidr), covered))
test('an address alone is a network of one', () =>
  assert.deepEqual([hostCidr('10.0.0.5' as Address), hostCidr('::1' as Address)], ['10.0.0.5/32', '::1/128']))

const contains: [cidr: string, address: string, inside: boolean][] = [
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '203.0.113.9', false],
  ['2001:db8::/33', '2001:db8:8000::', false],
]
for (const [cidr, address, inside] of contains)
  test(`${address} is ${inside ? 'in' : 'not in'} ${cidr}`, () =>
    assert.equal(cidrContains(cidr as Cidr, address as Address), inside))

test('an IPv4 address is a source of its own, an IPv6 /64 is one', () => {
  assert.equal(limitPrefix('203.0.113.9' as Address), '203.0.113.9/32')
  assert.equal(limitPrefix('2001:db8:1:2:3:4:5:6' as Address), '2001:db8:1:2::/64')
})
test('a login serves its /24, its /64, its address, or any', () => {
  assert.equal(loginPrefix('203.0.113.9' as Address, 'prefix'), '203.0.113.0/24')
  assert.equal(loginPrefix('2001:db8:1:2:3:4:5:6' as Address, 'prefix'), '2001:db8:1:2::/64')
  assert.equal(loginPrefix('203.0.113.9' as Address, 'address'), '203.0.113.9/32')
  assert.equal(loginPrefix('203.0.113.9' as Address, 'anywhere'), '*')
})
