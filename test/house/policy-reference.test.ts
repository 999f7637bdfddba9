import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { policyReference } from '../../bin/reference/page.ts'
import { rowsOf, type Schema, wordsFor } from '../../bin/reference/schema-rows.ts'

const root = join(import.meta.dirname, '..', '..')

test('docs/policy-reference.md says what schemas and policies say: else make policy-reference', () => {
  const page = readFileSync(join(root, 'docs', 'policy-reference.md'), 'utf8')
  assert.equal(page, policyReference(root))
})

const values: [rule: string, schema: Schema, value: string][] = [
  ['a text', { type: 'string' }, 'text'],
  ['with both bounds', { type: 'string', minLength: 1, maxLength: 4096 }, 'text, 1 to 4,096 characters'],
  ['with an upper one', { type: 'string', maxLength: 9 }, 'text, at most 9 characters'],
  ['a number from 0 on', { type: 'integer', minimum: 0 }, 'whole number, 0 or more'],
  ['the number 0 alone', { const: 0 }, '`0`'],
  ['a flag', { type: 'string', const: '' }, '`""`'],
  ['a choice', { anyOf: [{ const: 'a' }, { type: 'boolean' }] }, '`"a"` or true or false'],
  ['a list', { type: 'array', minItems: 1, maxItems: 2, items: { type: 'string' } }, 'list, 1 to 2: text'],
  ['an object of any keys', { type: 'object', additionalProperties: true }, 'object'],
  ['of values', { type: 'object', additionalProperties: { type: 'string' } }, 'object: text by name'],
]
for (const [rule, schema, value] of values) test(`${rule} is told`, () => assert.equal(wordsFor(schema), value))

test('a schema that nobody has a word for is refused', () =>
  assert.throws(() => wordsFor({ type: 'number' }), /no word for/))

test('what stands in an object has a row of its own, and what may be absent a mark', () => {
  const inner: Schema = {
    type: 'object',
    properties: { b: { const: 1 } },
    required: ['b'],
    additionalProperties: false,
  }
  assert.deepEqual(rowsOf({ type: 'object', properties: { a: { ...inner, description: 'it' } } }), [
    { field: 'a?', value: '`{b}`', description: 'it' },
    { field: 'a.b', value: '`1`', description: '' },
  ])
})
