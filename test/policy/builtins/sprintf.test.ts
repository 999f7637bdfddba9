import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call } from './call.ts'

const rows: [rule: string, format: string, list: string, text: string][] = [
  [
    '%v of anything is what people see',
    '%v %v %v %v',
    '[{"a": [1, "b"]}, {2, 1}, null, "s"]',
    '{"a": [1, "b"]} {1, 2} null s',
  ],
  ['%d is for integers', '%d|%5d|%-5d|%05d|%+d', '[1, 2, 3, 4, 5]', '1|    2|3    |00004|+5'],
  [
    'an integer keeps every digit',
    '%d %s',
    '[123456789012345678901234567890, 123456789012345678901234567890]',
    '123456789012345678901234567890 123456789012345678901234567890',
  ],
  ['a number with a point is a float', '%d %v', '[1.0, 1.0]', '%!d(float64=1) 1'],
  ['%f has six places unless told otherwise', '%f %.2f %8.3f', '[1.5, 2.675, 3.14159]', '1.500000 2.67    3.142'],
  ['a tie goes to the even digit', '%.0f %.0f %.0f', '[0.5, 1.5, 2.5]', '0 2 2'],
  ['%e and %g', '%e %g %G', '[1500000.0, 1500000.0, 1.5e-7]', '1.500000e+06 1.5e+06 1.5E-07'],
  ['other bases', '%b %o %O %x %X %#x %#b', '[5, 8, 8, 255, 255, 255, 5]', '101 10 0o10 ff FF 0xff 0b101'],
  ['%q quotes as Go does', '%q %+q', '["a\\n\\u200bä", "ä"]', '"a\\n\\u200bä" "\\u00e4"'],
  ['%x of a string is its bytes', '%x % X', '["ä", "ab"]', 'c3a4 61 62'],
  ['%c, %U and %q of an integer are characters', '%c %U %#U %q', '[228, 228, 228, 228]', "ä U+00E4 U+00E4 'ä' 'ä'"],
  ['%s cuts by characters', '%.2s|%4.1s', '["äöü", "ab"]', 'äö|   a'],
  ['%t wants a boolean, which OPA does not hand over', '%t', '[true]', '%!t(string=true)'],
  ['%T is Go’s type', '%T %T %T %T', '[1, 1.5, "a", 123456789012345678901]', 'int64 float64 string *big.Int'],
  ['%% is a percent', '100%%', '[]', '100%'],
  ['a percent at the end', '100%', '[]', '100%!(NOVERB)'],
  ['what is missing', '%d %d', '[1]', '1 %!d(MISSING)'],
  ['what is too much', '%d', '[1, "a", 2.5]', '1%!(EXTRA string=a, float64=2.5)'],
  ['a verb that is none', '%z %!', '[1, 2]', '%!z(int64=1) %!!(int64=2)'],
  ['the wrong type', '%d %s', '["a", 1]', '%!d(string=a) %!s(int64=1)'],
  ['a width from the list', '%*d|%-*d', '[4, 1, 4, 2]', '   1|2   '],
  ['a width that is none', '%*d', '["a", 1]', '%!(BADWIDTH)1'],
  ['a precision from the list', '%.*f', '[1, 2.25]', '2.2'],
  ['by index', '%[2]d %[1]d', '[1, 2]', '2 1'],
  ['an index that is none', '%[3]d', '[1, 2]', '%!d(BADINDEX)'],
]
for (const [rule, format, list, text] of rows)
  test(rule, () => assert.equal(JSON.parse(call('sprintf', `${JSON.stringify(format)}, ${list}`)), text))

test('the list must be one', () => {
  assert.equal(call('sprintf', '"%d", 1'), 'error: operand 2 must be array but got number')
})

test('a text that is too long ends the evaluation', () => {
  const format = '%1000000d'.repeat(17)
  assert.throws(() => call('sprintf', `"${format}", [${'1,'.repeat(16)}1]`), { code: 'POLICY_MEMORY' })
})
