import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Turns } from '../../src/gateway/turns.ts'

const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('so many at once, the others in the order in which they came', async () => {
  const turns = new Turns(2)
  const given: number[] = []
  const held = [0, 1, 2, 3].map(async (number) => {
    const turn = await turns.take()
    given.push(number)
    return turn
  })
  await quiet()
  assert.deepEqual(given, [0, 1])
  const first = await held[1]
  first?.[Symbol.dispose]()
  await quiet()
  assert.deepEqual(given, [0, 1, 2])
})
test('a turn that is given back twice is one turn', async () => {
  const turns = new Turns(1)
  const first = await turns.take()
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  using _second = await turns.take()
  let third = false
  void turns.take().then(() => (third = true))
  await quiet()
  assert.equal(third, false)
})
test('never more than there are, and nobody is forgotten', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.integer({ min: 0, max: 3 })), async (most, waits) => {
      const turns = new Turns(most)
      let now = 0
      let highest = 0
      const work = async (steps: number): Promise<void> => {
        using _turn = await turns.take()
        highest = Math.max(highest, ++now)
        for (let step = 0; step < steps; step++) await Promise.resolve()
        now--
      }
      await Promise.all(waits.map(work))
      assert.ok(highest <= most)
      assert.equal(now, 0)
    }),
  ))
