import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration, parsePrincipal } from '../../src/model/units.ts'

for (const [text, milliseconds] of [
  ['50ms', 50],
  ['5s', 5_000],
  ['10m', 600_000],
  ['8h', 28_800_000],
  ['1d', 86_400_000],
  ['0s', 0],
] as const)
  test(`${text} is ${milliseconds} ms`, () => assert.equal(parseDuration(text), milliseconds))
for (const text of ['5', '', 's', '-5s', '1.5h', '5 s', '5S', '1h30m', '9999999999s'])
  test(`${JSON.stringify(text)} is no duration`, () => assert.equal(parseDuration(text), undefined))

for (const name of ['root', 'a@b.c', '_x', 'A-1', 'a+b', 'x'.repeat(64)])
  test(`${name} is a principal`, () => assert.equal(parsePrincipal(name), name))
for (const name of ['', 'a,b', '*', 'a b', '-a', '.a', 'a\0', 'é', 'a!', 'x'.repeat(65), 'a\n'])
  test(`${JSON.stringify(name)} is no principal`, () =>
    assert.throws(() => parsePrincipal(name), { code: 'CERTIFICATE_PRINCIPAL' }))
