import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSourceList, sourceMatches } from '../../src/identity/source-list.ts'
import { type Address, parseAddress } from '../../src/model/address.ts'

const address = (text: string): Address => parseAddress(text) ?? assert.fail(text)

const rows: [rule: string, list: string, address: string, inside: boolean][] = [
  ['an address', '203.0.113.9', '203.0.113.9', true],
  ['and no other', '203.0.113.9', '203.0.113.90', false],
  ['a network', '10.0.0.0/8', '10.255.0.1', true],
  ['and none beside it', '10.0.0.0/8', '11.0.0.1', false],
  ['several', '10.0.0.0/8,192.0.2.1', '192.0.2.1', true],
  ['an IPv6 network', '2001:db8::/32', '2001:db8::5', true],
  ['in any spelling', '2001:DB8:0::/48', '2001:db8::5', true],
  ['an IPv4 network holds no IPv6 address', '0.0.0.0/0', '::1', false],
  ['a client on a mapped address is where it is', '10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['a star', '10.1.*', '10.1.2.3', true],
  ['a star alone', '*', '::1', true],
  ['a question mark is one character', '10.0.0.?', '10.0.0.5', true],
  ['and not two', '10.0.0.?', '10.0.0.55', false],
  ['stars that have to go back', '1*.1*.5', '10.0.1.1.5'.slice(0, 8), false],
  ['a star in IPv6', '2001:db8:*', '2001:db8::5', true],
  ['what is left out', '10.0.0.0/8,!10.0.0.5', '10.0.0.5', false],
  ['weighs more, wherever it stands', '!10.0.0.5,10.0.0.0/8', '10.0.0.5', false],
  ['the rest is in', '10.0.0.0/8,!10.0.0.5', '10.0.0.6', true],
  ['a network may be left out', '*,!10.0.0.0/8', '10.1.1.1', false],
  ['a pattern too', '10.0.0.0/8,!10.0.0.*', '10.0.0.9', false],
]
for (const [rule, list, from, inside] of rows)
  test(rule, () => {
    const read = parseSourceList(list, (what) => assert.fail(what))
    assert.ok(read)
    assert.equal(sourceMatches(read, address(from)), inside)
  })

const refused: [rule: string, list: string, message: RegExp][] = [
  ['a name', 'ci.example.com', /"ci\.example\.com" is no address/],
  ['a name that is left out', '10.0.0.0/8,!ci.example.com', /"!ci\.example\.com"/],
  ['a name of hexadecimal letters', 'cafe', /"cafe"/],
  ['a name with a star', '*.example.com', /"\*\.example\.com"/],
  ['bits beyond the prefix', '10.0.0.1/8', /"10\.0\.0\.1\/8"/],
  ['nothing', '', /""/],
  ['nothing between commas', '10.0.0.1,,10.0.0.2', /""/],
  ['a blank', '10.0.0.1, 10.0.0.2', /" 10\.0\.0\.2"/],
  ['only what is left out', '!10.0.0.1', /lets in nobody/],
  ['a zone', 'fe80::1%eth0', /%eth0/],
  ['a pattern that is too long', `${'?'.repeat(65)}`, /is no address/],
  ['more patterns than are taken', Array.from({ length: 257 }, () => '10.0.0.1').join(','), /more than 256/],
]
for (const [rule, list, message] of refused)
  test(`refused: ${rule}`, () => {
    const faults: string[] = []
    assert.equal(
      parseSourceList(list, (what) => void faults.push(what)),
      undefined,
    )
    assert.match(faults.join('\n'), message)
  })
