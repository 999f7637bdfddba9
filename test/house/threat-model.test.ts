import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/* docs/threat-model.md says which test shows what: each is there, with the words that the page has of it. */
const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'threat-model.md'), 'utf8')
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| threat'))

test('every threat of the page has a test', () => {
  assert.ok(rows.length > 30)
  assert.deepEqual(
    rows.filter((row) => !/`test\/[\w/-]+\.test\.ts`/.test(row)),
    [],
  )
})

test('every file that it names is there', () => {
  const named = [...page.matchAll(/`((?:src|test)\/[^`]+)`/g)].map(([, path = '']) => path)
  assert.deepEqual(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  )
})

test('and says what the page quotes of it', () => {
  const quoted = [...page.matchAll(/`(test\/[^`]+)` “([^”]+)”/g)]
  assert.ok(quoted.length > 30)
  const missing = quoted
    .filter(([, path = '', words = '']) => !readFileSync(join(root, path), 'utf8').includes(words))
    .map(([, path, words]) => `${path}: ${words}`)
  assert.deepEqual(missing, [])
})
