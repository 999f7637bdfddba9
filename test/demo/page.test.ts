import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makePage, quote, wrap } from '../../demo/page.ts'
import { run } from '../support/process.ts'

const wraps: [rule: string, text: string, width: number, lines: string[]][] = [
  ['what fits stays', 'one two', 7, ['one two']],
  ['lines break at blanks', 'one two three', 8, ['one two', 'three']],
  ['a word that is too long is cut', 'abcdefgh', 3, ['abc', 'def', 'gh']],
  ['an indent is no place to break', '    abcdef', 6, ['    ab', 'cdef']],
  ['empty lines stay', 'a\n\nb', 5, ['a', '', 'b']],
]
for (const [rule, text, width, lines] of wraps) test(rule, () => assert.deepEqual(wrap(text, width), lines))

test('wrapping loses nothing but blanks, and no line is too long', () =>
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (text, width) => {
      const lines = wrap(text, width)
      assert.equal(lines.join('').replaceAll(/[ \n]/g, ''), text.replaceAll(/[ \n]/g, ''))
      assert.ok(lines.every((line) => line.length <= width))
    }),
  ))

test('a shell reads a quoted word back', async () => {
  const words = ['plain', 'two words', "it's", '$HOME', '`id`', 'a;b', '', '~', '*', 'root@db1@gate', "'"]
  const { stdout } = await run('sh', ['-c', `printf '%s\\n' ${words.map(quote).join(' ')}`])
  assert.deepEqual(stdout.split('\n').slice(0, -1), words)
})

test('what programs say cannot steer the terminal', () => {
  let text = ''
  makePage((more) => (text += more)).output('\x1b]0;owned\x07 \x1b[2J')
  assert.equal(text, '    | ?]0;owned? ?[2J\n')
})

test('a terminal that says it has no columns gets lines as any other', () => {
  let text = ''
  makePage((more) => (text += more), 0).note('x'.repeat(90))
  assert.equal(text, `    ${'x'.repeat(90)}\n`)
})
