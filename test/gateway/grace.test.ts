import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Grace } from '../../src/gateway/grace.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import type { Leg } from '../../src/ssh/leg.ts'

test('who waits to be let in hears something in each second, and no more once they are', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let heard = 0
  const leg = { keepAwake: () => heard++ } as unknown as Leg
  const long = 3_600_000 as Milliseconds
  const grace = new Grace(leg, { grace: long, signInGrace: long })
  for (let second = 1; second <= 60; second++) {
    const before = heard
    t.mock.timers.tick(999)
    assert.ok(heard > before, `second ${second}`)
  }
  grace[Symbol.dispose]()
  const before = heard
  t.mock.timers.tick(60_000)
  assert.equal(heard, before)
})
