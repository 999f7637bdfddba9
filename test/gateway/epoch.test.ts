import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Epoch } from '../../src/gateway/epoch.ts'

test('each change is another count, and never one that was', () => {
  const epoch = new Epoch()
  const seen = [epoch.now]
  for (let change = 0; change < 3; change++) {
    epoch.advance()
    seen.push(epoch.now)
  }
  assert.equal(new Set(seen).size, 4)
})
test('who listens hears of a change once it is one', () => {
  const epoch = new Epoch()
  const before = epoch.now
  const heard: boolean[] = []
  using _listener = epoch.onAdvance(() => heard.push(epoch.now !== before))
  epoch.advance()
  assert.deepEqual(heard, [true])
})
test('and of none after that', () => {
  const epoch = new Epoch()
  let heard = 0
  const listener = epoch.onAdvance(() => heard++)
  listener[Symbol.dispose]()
  epoch.advance()
  assert.equal(heard, 0)
})
test('who begins or ceases to listen meanwhile leaves the others alone', () => {
  const epoch = new Epoch()
  const heard: string[] = []
  const first = epoch.onAdvance(() => {
    heard.push('first')
    first[Symbol.dispose]()
    epoch.onAdvance(() => heard.push('late'))
  })
  epoch.onAdvance(() => heard.push('second'))
  epoch.advance()
  assert.deepEqual(heard, ['first', 'second'])
  epoch.advance()
  assert.deepEqual(heard, ['first', 'second', 'second', 'late'])
})
