import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canaries } from '../src/canaries.ts'
import { PolicyInput } from '../src/model/context.ts'
import { shapeFaults } from '../src/model/shape.ts'

const route = (name: string) => ({
  name,
  host: '10.0.0.1',
  port: 22,
  labels: { env: 'prod' },
  principals: 'login' as const,
  hostKeys: [],
})

test('of each route somebody who has signed in is asked for, and somebody who has not', () => {
  const inputs = canaries([route('db1'), route('*.lab')])
  assert.deepEqual(
    inputs.map(({ target, identity }) => [target.route, identity === undefined]),
    [
      ['db1', true],
      ['db1', false],
      ['canary.lab', true],
      ['canary.lab', false],
    ],
  )
})
test('each is an input of the contract', () => {
  for (const input of canaries([route('db1')])) assert.deepEqual(shapeFaults(PolicyInput, input), [])
})
test('the labels of the route are in it', () => {
  assert.deepEqual(canaries([route('db1')])[0]?.target.labels, { env: 'prod' })
})
test('of many routes the first are asked for', () => {
  assert.equal(canaries(Array.from({ length: 500 }, (_, number) => route(`db${number}`))).length, 32)
})
