import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownRegistry } from '../src/gateway/commons.ts'
import { onlyHere } from '../src/gateway/everywhere.ts'
import { Registry } from '../src/gateway/registry.ts'
import { Sessions } from '../src/gateway/sessions.ts'
import { GatewayError } from '../src/model/errors.ts'
import { revokeLogin } from '../src/revocation.ts'
import { alice } from './support/knock.ts'

/** A store that answers when the test says so. */
function some() {
  const sessions = new Sessions(ownRegistry(new Registry()))
  const answer = Promise.withResolvers<boolean>()
  const revoking = revokeLogin('login-1', { everywhere: onlyHere(sessions), logins: { remove: () => answer.promise } })
  const come = (loginId: string) => sessions.register({ sessionId: loginId, identity: alice, loginId })
  return { sessions, answer, revoking, come }
}

test('sessions are ended before the store has answered', async () => {
  const sessions = new Sessions(ownRegistry(new Registry()))
  const session = sessions.register({ sessionId: '1', identity: alice, loginId: 'login-1' })
  const other = sessions.register({ sessionId: '2', identity: alice, loginId: 'login-2' })
  const revoking = revokeLogin('login-1', {
    everywhere: onlyHere(sessions),
    logins: { remove: () => new Promise<boolean>(() => {}) },
  })
  assert.deepEqual([session.fault?.code, other.fault], ['LOGIN_REVOKED', undefined])
  assert.ok(revoking instanceof Promise)
})
test('and those that came in while it was at it, when it has', async () => {
  const { answer, revoking, come } = some()
  const late = come('login-1')
  const before = late.fault
  answer.resolve(true)
  assert.equal(await revoking, true)
  assert.deepEqual([before, late.fault?.code], [undefined, 'LOGIN_REVOKED'])
})
test('also when it fails: what it was given up on may still be done', async () => {
  const { answer, revoking, come } = some()
  const late = come('login-1')
  answer.reject(new GatewayError('STORE_UNAVAILABLE', 'no answer'))
  await assert.rejects(revoking, { code: 'STORE_UNAVAILABLE' })
  assert.equal(late.fault?.code, 'LOGIN_REVOKED')
})
test('a login that is gone already ends what rested on it, and is told to be none', async () => {
  const { answer, revoking, come } = some()
  const late = come('login-1')
  answer.resolve(false)
  assert.equal(await revoking, false)
  assert.equal(late.fault?.code, 'LOGIN_REVOKED')
})
