import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownRegistry } from '../../src/gateway/commons.ts'
import { Registry } from '../../src/gateway/registry.ts'
import { type Live, Sessions } from '../../src/gateway/sessions.ts'
import { GatewayError } from '../../src/model/errors.ts'
import { aCertificate } from '../support/certificate.ts'
import { aSession } from '../support/http.ts'
import { alice } from '../support/knock.ts'

const bob = { ...alice, subject: 'sub-bob', username: 'bob' }
const why = new GatewayError('SESSION_ENDED', 'as the test wants it')
const revoked = new GatewayError('LOGIN_REVOKED', 'as the test wants it')

function aLive(cuts: string[] = []): Live {
  return {
    session: () => aSession(1),
    bytes: () => ({ to_client: 1, to_target: 2 }),
    certificate: () => aCertificate(),
    cut: ({ code }) => cuts.push(code),
  }
}
type Entered = { readonly entered: Promise<{ readonly others: number }> }
const othersOf = (...all: Entered[]): Promise<number[]> =>
  Promise.all(all.map(async ({ entered }) => (await entered).others))
const aTable = (): Sessions => new Sessions(ownRegistry(new Registry()))
const register = (sessions: Sessions, sessionId: string, identity = alice, loginId = `login-of-${sessionId}`) =>
  sessions.register({ sessionId, identity, loginId })

test('of two that come at once the later one counts the earlier', async () => {
  const sessions = aTable()
  const [first, second] = [register(sessions, '1'), register(sessions, '2')]
  assert.deepEqual(await othersOf(first, second), [0, 1])
})
test('one that was let in is counted by both', async () => {
  const sessions = aTable()
  const [first, second] = [register(sessions, '1'), register(sessions, '2')]
  second.letIn(aLive())
  assert.deepEqual(await Promise.all([first, second].map(async (one) => (await one.now()).others)), [1, 1])
})
test('other people are not counted, nor the same subject of another issuer', async () => {
  const sessions = aTable()
  register(sessions, '1', bob).letIn(aLive())
  register(sessions, '2', { ...alice, issuer: 'https://other.example' }).letIn(aLive())
  assert.deepEqual(await othersOf(register(sessions, '3')), [0])
})
test('who has gone is not counted', async () => {
  const sessions = aTable()
  const first = register(sessions, '1')
  first.letIn(aLive())
  first[Symbol.dispose]()
  assert.deepEqual(await othersOf(register(sessions, '2')), [0])
})
test('only those who were let in are listed', () => {
  const sessions = aTable()
  register(sessions, '1')
  register(sessions, '2').letIn(aLive())
  assert.deepEqual(sessions.list(), [{ ...aSession(1), bytes: { to_client: 1, to_target: 2 } }])
})
test('ended are those of which it holds, let in or not', () => {
  const sessions = aTable()
  const cuts: string[] = []
  const [asking, live, other] = ['1', '2', '3'].map((id) => register(sessions, id))
  live?.letIn(aLive(cuts))
  other?.letIn(aLive(cuts))
  assert.equal(
    sessions.end(why, ({ sessionId }) => sessionId !== '3'),
    2,
  )
  assert.deepEqual([asking?.fault?.code, cuts, other?.fault], ['SESSION_ENDED', ['SESSION_ENDED'], undefined])
})
test('what was said first stays', () => {
  const sessions = aTable()
  const asking = register(sessions, '1')
  sessions.end(revoked, () => true)
  sessions.end(why, () => true)
  assert.equal(asking.fault?.code, 'LOGIN_REVOKED')
})
test('who is let in after it was to end is cut at once', () => {
  const sessions = aTable()
  const cuts: string[] = []
  const asking = register(sessions, '1')
  sessions.end(revoked, () => true)
  asking.letIn(aLive(cuts))
  assert.deepEqual(cuts, ['LOGIN_REVOKED'])
})
test('it tells that something was ended, also when nobody was found', () => {
  const sessions = aTable()
  const { ends } = sessions
  assert.equal(
    sessions.end(why, () => true),
    0,
  )
  assert.notEqual(sessions.ends, ends)
})

test('a visit is no session: it is not counted and not listed, but it ends with what ends sessions', async () => {
  const sessions = aTable()
  const cuts: string[] = []
  using visiting = sessions.visit({ sessionId: '1', identity: alice, loginId: 'login-1' })
  visiting.received(({ code }) => cuts.push(code))
  assert.deepEqual([await othersOf(register(sessions, '2')), sessions.list(), sessions.of(alice)], [[0], [], []])
  sessions.end(revoked, ({ loginId }) => loginId === 'login-1')
  assert.deepEqual([cuts, visiting.fault?.code], [['LOGIN_REVOKED'], 'LOGIN_REVOKED'])
})

test('a visit that was ended before it was received is cut at once', () => {
  const sessions = aTable()
  const cuts: string[] = []
  using visiting = sessions.visit({ sessionId: '1', identity: alice })
  sessions.end(revoked, () => true)
  visiting.received(({ code }) => cuts.push(code))
  assert.deepEqual(cuts, ['LOGIN_REVOKED'])
})

test('the sessions of a person are theirs alone', () => {
  const sessions = aTable()
  const live = aLive()
  register(sessions, '1').letIn(live)
  register(sessions, '2', bob).letIn(aLive())
  assert.deepEqual(sessions.of(alice), [{ session: live.session(), certificate: live.certificate() }])
})

test('of visits a person’s own are counted, as long as they last', async () => {
  const sessions = aTable()
  register(sessions, '1').letIn(aLive())
  sessions.visit({ sessionId: '2', identity: bob })
  const first = sessions.visit({ sessionId: '3', identity: alice })
  assert.deepEqual(await othersOf(first, sessions.visit({ sessionId: '4', identity: alice })), [0, 1])
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  assert.deepEqual(await othersOf(sessions.visit({ sessionId: '5', identity: alice })), [1])
})
