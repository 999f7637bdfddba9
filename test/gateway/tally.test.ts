import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from '../../src/gateway/tally.ts'
import type { Milliseconds } from '../../src/model/units.ts'

test('a flood is told in one line, with the last of it; the next one in another', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: [number, string][] = []
  const tally = new Tally(1_000 as Milliseconds, (count, last) => told.push([count, last]))
  for (let number = 1; number <= 500; number++) tally.add(`${number}`)
  assert.deepEqual(told, [])
  t.mock.timers.tick(1_000)
  assert.deepEqual(told, [[500, '500']])
  t.mock.timers.tick(10_000)
  assert.equal(told.length, 1)
  tally.add('again')
  t.mock.timers.tick(1_000)
  assert.deepEqual(told[1], [1, 'again'])
})
