import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareNumbers, int64Of, integerOf, jsonNumber, nanosecondsOf } from '../../src/policy/number.ts'
import {
  arrayValue,
  compare,
  contains,
  equal,
  integerValue,
  lookUp,
  numberValue,
  objectValue,
  setValue,
  stringValue,
} from '../../src/policy/value.ts'
import { depthMost, jsonText, readValue, regoText, termText, valueFromJson } from '../../src/policy/value-text.ts'
import { opa } from '../support/opa.ts'
import { value } from './builtins/arbitrary.ts'

const readable: [rule: string, text: string, rego: string][] = [
  ['scalars are JSON', '[null, true, false, "a"]', '[null,true,false,"a"]'],
  ['blanks between words are nothing', '{"a": [1, 2]}', '{"a":[1,2]}'],
  ['braces without colons are a set', '{1, 2}', '{1,2}'],
  ['braces with nothing in them are an object', '{}', '{}'],
  ['the empty set has a word', 'set()', 'set()'],
  ['a set has each item once, in order', '{2, 1, 1.0, "a", null}', '{null,1,2,"a"}'],
  ['a key may be anything', '{[1]: 2, {3}: 4, null: 5}', '{null:5,[1]:2,{3}:4}'],
  ['an integer keeps every digit', '123456789012345678901234567890', '123456789012345678901234567890'],
  ['a fraction keeps every digit', '0.1234567890123456789', '0.1234567890123456789'],
  ['a number may be written as OPA keeps it', '[.5, 5., +1, 01, 1E5]', '[0.5,5,1,1,1E5]'],
  ['escapes are JSON’s', '"\\u00e4\\n\\"\\\\\\ud83d\\ude00"', '"ä\\n\\"\\\\😀"'],
  ['a backslash at the end of a string is its own', '["\\\\", "a"]', '["\\\\","a"]'],
]
for (const [rule, text, rego] of readable) test(rule, () => assert.equal(regoText(readValue(text)), rego))

const unreadable: [rule: string, text: string][] = [
  ['no text is no value', ''],
  ['nothing follows a value', '1 2'],
  ['a word that Rego has not', 'undefined'],
  ['a string must end', '"a'],
  ['a string must not end in half an escape', '"\\"'],
  ['a string holds no bare control character', '"\n"'],
  ['an escape must be JSON’s', '"\\x41"'],
  ['a list must end', '[1'],
  ['a comma comes between two', '[1 2]'],
  ['no comma at the end', '[1,]'],
  ['a set has no entries', '{1, "a": 2}'],
  ['an object has no items', '{"a": 2, 1}'],
  ['no number is without digits', '[.]'],
  ['no number is hexadecimal', '0x10'],
  ['no number is endless', 'Infinity'],
  ['no number is larger than OPA takes', '1e999999'],
  ['no number has more digits than OPA takes', '1'.repeat(100_000)],
  ['nesting has an end', `${'['.repeat(depthMost + 1)}1${']'.repeat(depthMost + 1)}`],
]
for (const [rule, text] of unreadable)
  test(`refused: ${rule}`, () => assert.throws(() => readValue(text), { code: 'POLICY_FAILED' }))

test('as deep as is allowed is read', () => {
  const text = `${'['.repeat(depthMost)}1${']'.repeat(depthMost)}`
  assert.equal(regoText(readValue(text)), text)
})

test('what is written for a module reads as the same value', () => {
  fc.assert(fc.property(value, (made) => assert.ok(equal(readValue(regoText(made)), made))))
})

test('a JSON value comes back from Rego', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (made) =>
      assert.deepEqual(JSON.parse(jsonText(valueFromJson(made))), JSON.parse(JSON.stringify(made))),
    ),
  )
})

test('what JSON has no word for is no value', () => {
  for (const made of [Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 1])
    assert.throws(() => valueFromJson(made), RangeError)
})

const shown: [rule: string, text: string, term: string, json: string][] = [
  ['people see blanks after commas and colons', '{"a": [1, 2]}', '{"a": [1, 2]}', '{"a":[1,2]}'],
  ['a set is a list in JSON', '{2, 1}', '{1, 2}', '[1,2]'],
  ['the empty set is a word to people', 'set()', 'set()', '[]'],
  ['a key that is no string is its JSON text', '{{1}: 2, 3: 4}', '{3: 4, {1}: 2}', '{"3":4,"[1]":2}'],
  [
    'people see strings as Go quotes them',
    '"\\u0000\\u200b\\u007fä"',
    '"\\x00\\u200b\\x7fä"',
    '"\\u0000\u200b\u007fä"',
  ],
  ['people see a number as it was written', '[1.50, .5]', '[1.50, .5]', '[1.50,0.5]'],
]
for (const [rule, text, term, json] of shown)
  test(rule, () => {
    assert.equal(termText(readValue(text)), term)
    assert.equal(jsonText(readValue(text)), json)
  })

test('two keys that JSON cannot tell apart are refused', () => {
  assert.throws(() => jsonText(readValue('{1: "a", "1": "b"}')), { code: 'POLICY_FAILED' })
})

test('the order is that of OPA’s sort, and so is what people see', async () => {
  const made = fc.sample(value, { seed: 7, numRuns: 400 })
  const folder = await mkdtemp(join(tmpdir(), 'regate-order-'))
  try {
    const list = regoText(arrayValue(made)).replaceAll('\ufeff', '\\ufeff')
    await writeFile(join(folder, 'order.rego'), `package order\nlist := ${list}\n`)
    const query = 'json.marshal([sprintf("%v", [[item]]) | some item in sort(data.order.list)])'
    const printed = await opa('eval', '--format', 'raw', '--data', folder, query)
    assert.deepEqual(
      made.toSorted(compare).map((item) => termText(arrayValue([item]))),
      JSON.parse(printed),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('strings are ordered by code point, not by UTF-16 unit', () => {
  assert.ok(compare(stringValue('\uffff'), stringValue('😀')) < 0)
  assert.ok(compare(stringValue('a😀'), stringValue('a\ue000')) > 0)
})

test('what is equal is found, however it is written', () => {
  const set = setValue([numberValue('1.0'), stringValue('a'), arrayValue([integerValue(2)])])
  assert.ok(contains(set, integerValue(1)) && contains(set, arrayValue([numberValue('2e0')])))
  assert.ok(!contains(set, stringValue('1')))
  const object = objectValue([
    [stringValue('b'), integerValue(1)],
    [stringValue('a'), integerValue(2)],
    [stringValue('b'), integerValue(3)],
  ])
  assert.deepEqual(lookUp(object, stringValue('b')), integerValue(3))
  assert.equal(lookUp(object, stringValue('c')), undefined)
})

const numbers: [rule: string, text: string, integer: bigint | undefined, int64: bigint | undefined, json: string][] = [
  ['an integer', '42', 42n, 42n, '42'],
  ['a sign', '+7', 7n, 7n, '7'],
  ['zeros behind the point', '7.00', 7n, 7n, '7.00'],
  ['a fraction is no integer', '7.5', undefined, undefined, '7.5'],
  ['an exponent is an integer, but no machine integer', '1e2', 100n, undefined, '1e2'],
  ['the greatest int64', '9223372036854775807', 2n ** 63n - 1n, 2n ** 63n - 1n, '9223372036854775807'],
  ['one more than the greatest int64', '9223372036854775808', 2n ** 63n, undefined, '9223372036854775808'],
  ['the least int64', '-9223372036854775808', -(2n ** 63n), -(2n ** 63n), '-9223372036854775808'],
  ['zeros in front', '007', 7n, 7n, '7'],
  ['no digits in front', '.5', undefined, undefined, '0.5'],
]
for (const [rule, text, integer, int64, json] of numbers)
  test(`numbers: ${rule}`, () =>
    assert.deepEqual([integerOf(text), int64Of(text), jsonNumber(text)], [integer, int64, json]))

const instants: [rule: string, text: string, ns: bigint | undefined][] = [
  ['an integer is one', '1763982000123456789', 1_763_982_000_123_456_789n],
  ['so is one with an exponent', '1.763982e18', 1_763_982_000_000_000_000n],
  ['a fraction is not', '0.5', undefined],
  ['nor is one beside a large integer', '1763982000123456789.5', undefined],
  ['a fraction too small for 64 bits is lost', '1763982000123456789.0000000001', 1_763_982_000_123_456_789n],
  ['beyond int64 is not', '9223372036854775808', undefined],
  ['the least int64 is', '-9223372036854775808', -(2n ** 63n)],
]
for (const [rule, text, ns] of instants) test(`nanoseconds: ${rule}`, () => assert.equal(nanosecondsOf(text), ns))

test('numbers are compared exactly', () => {
  assert.ok(compareNumbers('9007199254740993', '9007199254740992') > 0)
  assert.ok(compareNumbers('0.1', '0.10000000000000000001') < 0)
  assert.ok(compareNumbers('-1e30', '1e-30') < 0)
  assert.equal(compareNumbers('1e2', '100.0'), 0)
  assert.equal(compareNumbers('-0', '0.0'), 0)
})

test('comparing JavaScript’s own numbers agrees with JavaScript', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(number, number, (a, b) =>
      assert.equal(Math.sign(compareNumbers(`${a}`, `${b}`)), a < b ? -1 : a > b ? 1 : 0),
    ),
  )
})
