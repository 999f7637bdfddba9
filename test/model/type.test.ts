import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type as TypeBox } from 'typebox'
import { Type } from '../../src/model/type.ts'

type Builder = Pick<typeof TypeBox, keyof typeof Type>
const options = { description: 'what it is', expected: 'what is to be written' }

const schemas: [rule: string, build: (type: Builder) => unknown][] = [
  ['a text', (type) => type.String({ ...options, pattern: '^a$' })],
  ['a whole number', (type) => type.Integer({ ...options, minimum: 1 })],
  ['a truth', (type) => type.Boolean(options)],
  ['nothing', (type) => type.Null(options)],
  ['anything', (type) => type.Unknown(options)],
  ['a word', (type) => type.Literal('login', options)],
  ['without options', (type) => [type.String(), type.Integer(), type.Boolean(), type.Null(), type.Unknown()]],
  ['a list', (type) => type.Array(type.String(), { ...options, minItems: 1 })],
  ['a choice', (type) => type.Union([type.Literal('a'), type.Array(type.String())], options)],
  ['an object with no members', (type) => type.Object({}, { ...options, additionalProperties: { type: 'string' } })],
  ['one whose members are all optional', (type) => type.Object({ a: type.Optional(type.Literal('')) }, options)],
  [
    'one of which some are',
    (type) => type.Object({ b: type.Integer(), a: type.Optional(type.String(options)), c: type.Null() }),
  ],
  [
    'one made of another’s members',
    (type) => type.Object({ ...type.Object({ a: type.Optional(type.String()), b: type.String() }).properties }),
  ],
  [
    'a member that is optional here and not there',
    (type) => {
      const shared = type.String()
      return type.Object({ a: type.Optional(shared), b: shared, c: type.Object({ a: shared }) })
    },
  ],
]
for (const [rule, build] of schemas)
  test(`${rule}: TypeBox’s schema, in the same order`, () =>
    assert.equal(JSON.stringify(build(Type)), JSON.stringify(build(TypeBox))))
