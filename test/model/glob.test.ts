import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteStringOf, globMatches, isLiteral, parseGlob, stepsUp } from '../../src/model/glob.ts'

const rows: [rule: string, pattern: string, text: string, matches: boolean][] = [
  ['a literal is itself', 'LANG', 'LANG', true],
  ['and no beginning', 'LANG', 'LANGUAGE', false],
  ['and no end', 'LANG', 'XLANG', false],
  ['the empty pattern is the empty text', '', '', true],
  ['and nothing else', '', 'a', false],
  ['a star may be nothing', 'LC_*', 'LC_', true],
  ['a star is any run', 'LC_*', 'LC_ALL', true],
  ['but stops at a slash', '/run/*', '/run/a/b', false],
  ['two do not', '/run/**', '/run/a/b', true],
  ['two may be nothing', '/run/**', '/run/', true],
  ['three are two', '/run/***', '/run/a/b', true],
  ['a star goes back to what it missed', '*ab', 'aab', true],
  ['a star after a star', '*a*b', 'xaxb', true],
  ['not over a slash between them', '*a*b', 'xa/b', false],
  ['two look for the rest in the next segment', '**a*b', 'a/ab', true],
  ['also where the segments are part of the rest', '**a/*b', 'a/x/a/b', true],
  ['and give up at the end', '**a*b', 'a/a/a', false],
  ['a star behind two does not cross', '/**/x-*', '/a/x-b/c', false],
  ['but finds a later one', '/**/x-*', '/a/x-b/x-c', true],
  ['a character that is more than a byte is itself', '/é*', '/éa', true],
  ['other signs are themselves', 'a.c', 'abc', false],
  ['brackets too', '[a]', 'a', false],
]
for (const [rule, pattern, text, matches] of rows)
  test(rule, () => assert.equal(globMatches(parseGlob(pattern), byteStringOf(text)), matches))

/** Which prefixes of the text each part of the pattern can reach: slow, and plainly right. */
function reference(pattern: string, text: string): boolean {
  let reached = new Set([0])
  for (const part of pattern.match(/\*\*+|\*|[^*]/gs) ?? []) {
    const next = new Set<number>()
    for (const from of reached) {
      if (!part.startsWith('*')) {
        if (text[from] === part) next.add(from + 1)
        continue
      }
      for (let to = from; to <= text.length; to++) {
        next.add(to)
        if (part === '*' && text[to] === '/') break
      }
    }
    reached = next
  }
  return reached.has(text.length)
}

test('it is exact: the same as trying every run for every star', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '**'), { maxLength: 12 })
  const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 16 })
  fc.assert(
    fc.property(pattern, text, (patterns, texts) => {
      const [written, asked] = [patterns.join(''), texts.join('')]
      assert.equal(globMatches(parseGlob(written), byteStringOf(asked)), reference(written, asked))
    }),
    { numRuns: 20_000 },
  )
})

test('a text that was made from the pattern matches it', () => {
  const run = fc.stringMatching(/^[ab]{0,4}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(run, run), { maxLength: 6 }), (pieces) => {
      const pattern = pieces.map(([piece]) => `${piece}*`).join('')
      const text = pieces.map(([piece, taken]) => `${piece}${taken}`).join('')
      assert.ok(globMatches(parseGlob(pattern), byteStringOf(text)))
    }),
  )
})

test('a long text against many stars is done at once', () => {
  const glob = parseGlob(`**${'a*'.repeat(300)}/**${'a*'.repeat(200)}b`)
  const began = performance.now()
  assert.equal(globMatches(glob, byteStringOf('a'.repeat(100_000))), false)
  assert.equal(globMatches(glob, byteStringOf('aaaaaaa/'.repeat(10_000))), false)
  assert.ok(performance.now() - began < 20_000, 'no search through all ways to match')
})

test('a pattern without a star is literal', () => {
  assert.deepEqual(['a', 'a*', '**'].map(parseGlob).map(isLiteral), [true, false, false])
})

const steps: [text: string, up: boolean][] = [
  ['..', true],
  ['../a', true],
  ['a/..', true],
  ['a/../b', true],
  ['--file=../x', true],
  ['host:..', true],
  ['a,..,b', true],
  ['a..b', false],
  ['...', false],
  ['.', false],
  ['a/..b', false],
  ['', false],
]
for (const [text, up] of steps)
  test(`${JSON.stringify(text)} ${up ? 'steps' : 'does not step'} upward`, () =>
    assert.equal(stepsUp(byteStringOf(text)), up))
