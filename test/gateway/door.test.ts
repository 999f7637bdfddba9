import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../../src/gateway/authentication.ts'
import { ownRegistry } from '../../src/gateway/commons.ts'
import { ConnectionDoor } from '../../src/gateway/door.ts'
import { onlyHere } from '../../src/gateway/everywhere.ts'
import { Grace } from '../../src/gateway/grace.ts'
import { Registry } from '../../src/gateway/registry.ts'
import { type Registered, Sessions } from '../../src/gateway/sessions.ts'
import type { Known } from '../../src/identity/identities.ts'
import type { Address } from '../../src/model/address.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { revokeLogin } from '../../src/revocation.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import type { UserKey } from '../../src/ssh/user-key.ts'
import { aKnock, alice } from '../support/knock.ts'
import { denied, Stage } from '../support/stage.ts'

const { asked, connection } = aKnock()
const caller: Caller = {
  asked,
  connection,
  source: '203.0.113.9' as Address,
  key: { type: 'ssh-ed25519', fingerprint: 'SHA256:k' } as UserKey,
}
const never = new AbortController().signal
const login: Known = { identity: alice, loginId: 'login-1' }

/** A door whose cached logins are a map, each look at which can be held. */
function aDoor(stage = new Stage()) {
  const sessions = new Sessions(ownRegistry(new Registry()))
  const stored = new Map([['login-1', login]])
  const looks: (() => Promise<void>)[] = []
  let looked = 0
  const identities = {
    async find(): Promise<Known | undefined> {
      looked++
      const found = [...stored.values()].at(-1)
      await looks.shift()?.() // what was found may be gone when the answer comes
      return found
    },
  }
  const grace = new Grace({ keepAwake() {} } as unknown as Leg, {
    grace: 60_000 as Milliseconds,
    signInGrace: 60_000 as Milliseconds,
  })
  const parts = { steps: stage.steps, identities, sessions, signIn: {} } as unknown as ConstructorParameters<
    typeof ConnectionDoor
  >[2]
  const door = new ConnectionDoor('session-1', grace, parts)
  return {
    door,
    another: () => new ConnectionDoor('session-2', grace, parts),
    sessions,
    stored,
    looked: () => looked,
    /** The next look stands still until it is let go on. */
    holdLook() {
      const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      looks.push(async () => {
        reached.resolve()
        await go.promise
      })
      return { reached: reached.promise, goOn: go.resolve }
    },
    revoke: (id = 'login-1') =>
      revokeLogin(id, { everywhere: onlyHere(sessions), logins: { remove: async () => stored.delete(id) } }),
    [Symbol.dispose]() {
      door[Symbol.dispose]()
      grace[Symbol.dispose]()
    },
  }
}

test('whose key it is, is registered before it is known to anybody else', async () => {
  using here = aDoor()
  assert.equal(await here.door.remembered(caller), alice)
  assert.equal(here.door.registered?.loginId, 'login-1')
})
test('without a key, and without a login, nobody is registered', async () => {
  using here = aDoor()
  const { key: _, ...keyless } = caller
  assert.equal(await here.door.remembered(keyless), undefined)
  here.stored.clear()
  assert.equal(await here.door.remembered(caller), undefined)
  assert.equal(here.door.registered, undefined)
})
test('a login that is revoked between being found and being registered is none', async () => {
  using here = aDoor()
  const held = here.holdLook()
  const remembering = here.door.remembered(caller)
  await held.reached
  await here.revoke()
  held.goOn()
  assert.equal(await remembering, undefined)
  assert.deepEqual([here.door.registered, here.looked()], [undefined, 2])
})
test('when another one has taken its place, that one counts', async () => {
  using here = aDoor()
  const held = here.holdLook()
  const remembering = here.door.remembered(caller)
  await held.reached
  await here.revoke()
  here.stored.set('login-2', { identity: alice, loginId: 'login-2' })
  held.goOn()
  await remembering
  assert.equal(here.door.registered?.loginId, 'login-2')
})
test('a login of somebody else that is revoked meanwhile changes nothing', async () => {
  using here = aDoor()
  const held = here.holdLook()
  const remembering = here.door.remembered(caller)
  await held.reached
  await here.revoke('login-9')
  held.goOn()
  assert.equal(await remembering, alice)
})
test('logins that are revoked without end are given up', async () => {
  using here = aDoor()
  for (let round = 0; round < 8; round++) {
    const held = here.holdLook()
    void held.reached.then(() => here.revoke('login-9')).then(() => held.goOn())
  }
  await assert.rejects(here.door.remembered(caller), { code: 'POLICY_BUSY' })
})
test('one that is revoked once it is registered refuses, whatever the policy says', async () => {
  const stage = new Stage()
  using here = aDoor(stage)
  await here.door.remembered(caller)
  await here.revoke()
  const admission = await here.door.admit(caller, alice, never)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'LOGIN_REVOKED')
  assert.deepEqual(stage.trace, ['evaluate', 'record deny'])
})
test('a refusal is told no sooner than a tenth of a second after the question', async () => {
  const stage = new Stage()
  stage.answers = [denied]
  using here = aDoor(stage)
  const begun = performance.now()
  await here.door.admit(caller, alice, never)
  assert.ok(performance.now() - begun >= 99)
})
const challenge = { version: 'ssh/v1', outcome: 'challenge', require: [{ type: 'login' }] }
const alike: [rule: string, identity: typeof alice | undefined, answer: object, trace: string[]][] = [
  ['to somebody not signed in', undefined, challenge, []],
  ['to a person who may not go there', alice, { ...denied, reasons: [] }, ['record deny']],
]
for (const [rule, identity, answer, trace] of alike)
  test(`whether there is such a route cannot be told, ${rule}`, async () => {
    const seen = async (isThere: boolean) => {
      const stage = new Stage()
      stage.answers = [answer]
      if (!isThere) stage.steps.route = () => undefined
      using here = aDoor(stage)
      const begun = performance.now()
      const admission = await here.door.admit(caller, identity, never)
      const lines = admission.outcome === 'refused' ? admission.refusal.lines.join().replace(/[0-9a-f-]{36}/, 'ID') : ''
      const isLate = performance.now() - begun >= 99
      return { outcome: admission.outcome, lines, isLate, trace: stage.trace.filter((step) => step !== 'evaluate') }
    }
    const there = await seen(true)
    assert.deepEqual(await seen(false), there)
    assert.deepEqual([there.trace, there.isLate], [trace, true])
  })
test('and not at all late to somebody who has gone', async () => {
  const stage = new Stage()
  stage.answers = [denied]
  using here = aDoor(stage)
  const admission = await here.door.admit(caller, alice, AbortSignal.abort(new GatewayError('CLIENT_LEFT', 'gone')))
  assert.equal(admission.outcome, 'refused')
})
test('a person may be at the gateway itself so often and no more', async () => {
  const stage = new Stage()
  stage.steps.full = ({ others }) => (others < 1 ? undefined : new GatewayError('TOO_MANY_SESSIONS', 'one is enough'))
  using here = aDoor(stage)
  const [first, second] = [here.door, here.another()]
  const visitor: Caller = { ...caller, asked: { login: asked.login } }
  const outcomes = []
  for (const door of [first, second]) {
    await door.remembered(visitor)
    const admission = await door.admit(visitor, alice, never)
    outcomes.push(admission.outcome === 'refused' ? admission.fault.code : admission.outcome)
  }
  second[Symbol.dispose]()
  assert.deepEqual(outcomes, ['received', 'TOO_MANY_SESSIONS'])
})
test('who goes away is nobody’s other session any more', async () => {
  const here = aDoor()
  await here.door.remembered(caller)
  here[Symbol.dispose]()
  const next: Registered = here.sessions.register({ sessionId: 'session-2', identity: alice })
  next.letIn({ session: () => assert.fail(), bytes: () => assert.fail(), certificate: () => assert.fail(), cut() {} })
  const third = here.sessions.register({ sessionId: 'session-3', identity: alice })
  assert.equal((await third.entered).others, 1)
})
