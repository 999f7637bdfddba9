import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyRenewal, rekeyLimits, rekeyPatience } from '../../src/ssh/key-renewal.ts'

test('an exchange that takes too long is cut, and one that is done in time is not', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let stalled = 0
  using keys = new KeyRenewal(
    rekeyLimits,
    () => {},
    () => stalled++,
  )
  keys.begun()
  t.mock.timers.tick(rekeyPatience - 1)
  keys.done()
  t.mock.timers.tick(rekeyPatience)
  assert.equal(stalled, 0)
  keys.begun()
  t.mock.timers.tick(rekeyPatience)
  assert.equal(stalled, 1)
})

test('one that begins when the connection is over is not waited for: the wait would keep all of it', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let stalled = 0
  const keys = new KeyRenewal(
    rekeyLimits,
    () => {},
    () => stalled++,
  )
  keys[Symbol.dispose]()
  keys.begun()
  t.mock.timers.tick(rekeyPatience)
  assert.deepEqual([stalled, keys.underWay], [0, false])
})
