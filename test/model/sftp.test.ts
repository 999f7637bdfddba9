import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteStringOf } from '../../src/model/glob.ts'
import { leadsTo, lists, names, parseSftpRule, resolvePath } from '../../src/model/sftp.ts'

const resolved: [rule: string, path: string, base: string | undefined, whole: string | undefined, sent: string][] = [
  ['a whole path is itself', '/a/b', '/home', '/a/b', '/a/b'],
  ['slashes and dots in it do not count', '//a/./b/', '/home', '/a/b', '//a/./b/'],
  ['a step upward takes a name away, and is not passed on', '/a/x/../b', '/home', '/a/b', '/a/b'],
  ['above the root is the root', '/../../a', '/home', '/a', '/../../a'],
  ['a relative one counts from the base', 'a/b', '/home', '/home/a/b', 'a/b'],
  ['also upward', '../a', '/home/x', '/home/a', '../a'],
  ['and far upward', '../../../a', '/home', '/a', '../../../a'],
  ['behind a name it is not passed on', 'x/../../a', '/home/x', '/home/a', '../a'],
  ['to nothing', 'x/..', '/home', '/home', '.'],
  ['an empty one is the base', '', '/home', '/home', ''],
  ['from the root', 'a', '/', '/a', 'a'],
  ['from nowhere it is not known', 'a', undefined, undefined, 'a'],
  ['but a whole one is', '/a', undefined, '/a', '/a'],
  ['three dots are a name', '/a/...', undefined, '/a/...', '/a/...'],
]
for (const [rule, path, base, whole, sent] of resolved)
  test(`paths: ${rule}`, () =>
    assert.deepEqual(resolvePath(byteStringOf(path), base === undefined ? base : byteStringOf(base)), {
      ...(whole === undefined ? {} : { whole }),
      sent,
    }))

test('paths: what is judged is what POSIX makes of it, and what is passed on comes to the same, no longer than it was', () => {
  const step = fc.constantFrom('', '.', '..', 'a', 'b', '...', '.a')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.boolean(), (steps, isWhole) => {
      const path = byteStringOf(`${isWhole ? '/' : ''}${steps.join('/')}`)
      const { whole, sent } = resolvePath(path, byteStringOf('/home/x'))
      const expected = posix.resolve('/home/x', path)
      assert.equal(whole, expected)
      assert.equal(posix.resolve('/home/x', sent), expected)
      assert.ok(sent.length <= Math.max(1, path.length))
      const left = sent.split('/').filter((one) => one !== '' && one !== '.')
      assert.ok(left.every((one, index) => one !== '..' || index === 0 || left[index - 1] === '..'))
    }),
  )
})

type Row = [rule: string, pattern: string, path: string, named: boolean, listed: boolean, leads: boolean]
const sets: Row[] = [
  ['a pattern names what it matches', '/srv/*.log', '/srv/a.log', true, true, true],
  ['a star stops at a slash', '/srv/*', '/srv/a/b', false, false, false],
  ['two do not', '/srv/**', '/srv/a/b', true, true, true],
  ['whose entries are named has its list shown', '/srv/in/*', '/srv/in', false, true, true],
  ['also below two stars', '/srv/in/**', '/srv/in', false, true, true],
  ['and a directory that is a pattern itself', '/home/*/in/**', '/home/alice/in', false, true, true],
  ['whose entry is named alone has not', '/srv/in/a', '/srv/in', false, false, true],
  ['on the way one may look', '/srv/in/**', '/srv', false, false, true],
  ['from the root on', '/srv/in/**', '/', false, false, true],
  ['along patterns', '/home/*/in/**', '/home/alice', false, false, true],
  ['and behind two stars', '/srv/**/in', '/srv/a/b', false, false, true],
  ['beside the way one may not', '/srv/in/**', '/srv/out', false, false, false],
  ['nor where the name goes on', '/srv/in/**', '/srv/inside', false, false, false],
  ['the root alone', '/', '/', true, true, true],
  ['everything', '/**', '/a/b', true, true, true],
  ['everything is listed from the root on', '/**', '/', true, true, true],
]
for (const [rule, pattern, path, ...expected] of sets)
  test(`patterns: ${rule}`, () => {
    const parsed = parseSftpRule({ read: [pattern] })
    assert.ok(parsed?.kind === 'paths')
    assert.deepEqual(
      [names, lists, leadsTo].map((ask) => ask(parsed.read, byteStringOf(path))),
      expected,
    )
  })

for (const pattern of ['', 'a', '*', '/a/', '//a', '/a//b', '/./a', '/a/..', '/../a', '/a\\b', '/a\nb', '~/a'])
  test(`patterns: ${JSON.stringify(pattern)} is none`, () => {
    assert.equal(parseSftpRule({ read: [pattern] }), undefined)
    assert.equal(parseSftpRule({ write: ['/a', pattern] }), undefined)
  })
