import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ascii, isPrintable, printable, printableJson, printableLines } from '../../src/model/text.ts'

const rows: [rule: string, text: string, shown: string][] = [
  ['an escape sequence loses its escape', '\x1b]52;c;AAAA\x07', '?]52;c;AAAA?'],
  ['a C1 control is one too', 'a\u009bm', 'a?m'],
  ['a new line cannot start another line', 'a\nb', 'a?b'],
  ['the reading direction stays', 'abc\u202etxt', 'abc?txt'],
  ['a lone surrogate becomes the replacement character', 'a\ud800', 'a\ufffd'],
  ['letters of any script stay', 'é — ü 漢', 'é — ü 漢'],
]
for (const [rule, text, shown] of rows) test(rule, () => assert.equal(printable(text), shown))

test('nothing that is shown has a control character in it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.ok(isPrintable(printable(text)))))
})
test('what is long is cut, and still well formed', () => {
  assert.equal(printable('abcdef', 4), 'abc…')
  assert.ok(printable('ab😀😀', 4).isWellFormed())
})
test('lines stay lines, tabs become blanks', () => assert.equal(printableLines('a\tb\r\nc\x1b[m'), 'a b\nc?[m'))
test('beyond ASCII there are question marks for old clients', () => assert.equal(ascii('aé\n', 10), 'a?\n'))
test('names and values of any depth are made printable', () => {
  assert.deepEqual(printableJson({ 'a\n': ['\x1b', { b: 'c\r' }], n: 1 }), { 'a?': ['?', { b: 'c?' }], n: 1 })
})
