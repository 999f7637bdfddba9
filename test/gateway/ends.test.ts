import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Bounded, Ends } from '../../src/gateway/ends.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import type { UnixSeconds } from '../../src/model/units.ts'
import { aCertificate, at } from '../support/certificate.ts'

/** A session that began at second 1000, where the clock stands at first. */
function aSession({ mock }: TestContext, robotUntil?: UnixSeconds) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 })
  mock.method(performance, 'now', () => Date.now())
  const session = { data: 0, cuts: [] as string[] }
  const ended: Bounded = {
    get carried() {
      return session.data
    },
    cut({ code }) {
      session.cuts.push(`${Math.floor(Date.now() / 1_000 - 1_000)} ${code}`)
      ends[Symbol.dispose]() // as the end of a session does
    },
  }
  const ends = new Ends(ended, at(1_000), robotUntil)
  return {
    session,
    ends,
    set: (validBefore: number, extensions: Extensions = {}) =>
      ends.set({ ...aCertificate({ extensions }), validBefore: at(validBefore) }),
    /** In steps: a timer must find the clock where it was to run. */
    pass(seconds: number): void {
      for (let tenths = 0; tenths < seconds * 10; tenths++) mock.timers.tick(100)
    },
  }
}
const idle = (seconds: number): Extensions => ({ 'idle-timeout@regate': seconds })
const limit = (seconds: number): Extensions => ({ 'session-limit@regate': seconds })

test('the certificate’s end cuts, in that second', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_060)
  pass(59)
  assert.deepEqual(session.cuts, [])
  pass(1)
  assert.deepEqual(session.cuts, ['60 CERTIFICATE_EXPIRED'])
})
test('a later certificate takes the place of the first with its own end', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_060)
  pass(50)
  set(1_110)
  pass(59)
  assert.deepEqual(session.cuts, [])
  pass(1)
  assert.deepEqual(session.cuts, ['110 CERTIFICATE_EXPIRED'])
})
test('one that has ended already cuts at once', (t) => {
  const { session, set, pass } = aSession(t)
  set(990)
  pass(0.1)
  assert.equal(session.cuts.length, 1)
})
test('session-limit counts from the login, however often the certificate is renewed', (t) => {
  const { session, set, pass } = aSession(t)
  for (let minute = 0; minute < 3; minute++) {
    set(1_060 + 60 * minute, limit(150))
    pass(50)
  }
  assert.deepEqual(session.cuts, ['150 SESSION_LIMIT'])
})
test('a limit that has passed already cuts at once', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_060)
  pass(30)
  set(1_090, limit(20))
  pass(0.1)
  assert.match(session.cuts.join(), /SESSION_LIMIT/)
})
test('idle-timeout cuts a silence', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_600, idle(10))
  pass(5)
  session.data = 1
  pass(10)
  assert.deepEqual(session.cuts, [])
  pass(1)
  assert.deepEqual(session.cuts, ['16 IDLE_TIMEOUT'])
})
test('a silence goes on over a renewal', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_600, idle(10))
  pass(6)
  set(1_600, idle(10))
  pass(4)
  assert.deepEqual(session.cuts, ['10 IDLE_TIMEOUT'])
})
test('also when renewals come faster than it is looked', (t) => {
  const { session, set, pass } = aSession(t)
  for (let tenths = 0; tenths < 150 && session.cuts.length === 0; tenths += 5) {
    set(1_600, idle(10))
    pass(0.5)
  }
  assert.deepEqual(session.cuts, ['10 IDLE_TIMEOUT'])
})
test('and data that passed between two of them is seen', (t) => {
  const { session, set, pass } = aSession(t)
  for (let tenths = 0; tenths < 150; tenths += 5) {
    set(1_600, idle(10))
    session.data += 1
    pass(0.5)
  }
  assert.deepEqual(session.cuts, [])
})
test('a certificate that no longer limits a silence does not cut it', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_600, idle(10))
  pass(6)
  set(1_600)
  pass(60)
  assert.deepEqual(session.cuts, [])
})
test('one that limits it to less than it has lasted cuts at once', (t) => {
  const { session, set, pass } = aSession(t)
  set(1_600)
  pass(60)
  set(1_600, idle(10))
  assert.deepEqual(session.cuts, ['60 IDLE_TIMEOUT'])
})
test('after its end nothing is cut any more', (t) => {
  const { session, ends, set, pass } = aSession(t)
  set(1_060, { ...idle(10), ...limit(20) })
  ends[Symbol.dispose]()
  pass(100)
  assert.deepEqual(session.cuts, [])
})

test('a robot’s key ends its session when it ends, whatever is renewed', (context) => {
  const { session, set, pass } = aSession(context, at(1_010))
  set(1_005)
  pass(4)
  set(1_060)
  pass(20)
  assert.deepEqual(session.cuts, ['10 ROBOT_EXPIRED'])
})
