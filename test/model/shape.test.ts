import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapeFaults, shapeFaultsOf } from '../../src/model/shape.ts'
import { Type } from '../../src/model/type.ts'

const schema = Type.Object(
  {
    name: Type.String({ minLength: 1, expected: 'a name' }),
    port: Type.Optional(Type.Integer({ maximum: 9 })),
    claim: Type.Optional(Type.Union([Type.Literal('all'), Type.Array(Type.String())])),
  },
  { additionalProperties: false },
)

const rows: [rule: string, value: unknown, faults: string[]][] = [
  ['what fits has none', { name: 'a', port: 1, claim: ['b'] }, []],
  ['what is missing is named', {}, ['/name is missing']],
  ['what is not known too', { name: 'a', nme: 1 }, ['/nme is not known; known here: name, port, claim']],
  ['what would be right is said where it is known', { name: '' }, ['/name must be a name']],
  ['a member may be absent, not undefined', { name: 'a', port: undefined }, ['/port must be integer']],
  ['of a choice it is said that none fits', { name: 'a', claim: 1 }, ['/claim must be one of "all"']],
  ['all of them are told', { port: 10 }, ['/name is missing', '/port must be <= 9']],
  [
    'a choice in which more is wrong than is looked for',
    { name: 'a', claim: Array.from({ length: 600 }, () => 1) },
    ['/claim must be "all"'],
  ],
]
for (const [rule, value, faults] of rows)
  test(rule, () => {
    const told = (found: readonly { path: string; message: string }[]): string[] =>
      found.map(({ path, message }) => `${path} ${message}`)
    assert.deepEqual(told(shapeFaults(schema, value)), faults)
    const faultsOf = shapeFaultsOf(schema)
    assert.deepEqual(told(faultsOf(value)), faults, 'the first by written code')
    assert.deepEqual(told(faultsOf(value)), faults, 'the second')
  })
