import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit } from '../../src/gateway/admit.ts'
import { ownRegistry } from '../../src/gateway/commons.ts'
import { Life } from '../../src/gateway/life.ts'
import { Registry } from '../../src/gateway/registry.ts'
import { type Registered, Sessions } from '../../src/gateway/sessions.ts'
import { settle } from '../../src/gateway/settle.ts'
import { GatewayError } from '../../src/model/errors.ts'
import { at } from '../support/certificate.ts'
import { aKnock, alice } from '../support/knock.ts'
import { allowed, denied, type Point, points, Stage } from '../support/stage.ts'

/*
 * From the question to USERAUTH_SUCCESS, with what may come in between: a revoked login, another policy. Each comes while
 * one step stands still, and so always at the same point.
 */
const never = new AbortController().signal

/** As a connection does it: registered, admitted, settled, let in. */
function anEntrance(stage: Stage) {
  const sessions = new Sessions(ownRegistry(new Registry()))
  const registered = sessions.register({ sessionId: 'session-1', identity: alice, loginId: 'login-1' })
  const revoke = (): void =>
    void sessions.end(new GatewayError('LOGIN_REVOKED', 'an operator revoked the login'), () => true)
  return { registered, revoke, come: (signal = never) => enter(stage, registered, signal) }
}
async function enter(stage: Stage, registered: Registered, signal: AbortSignal): Promise<string> {
  const admission = await admit(aKnock(), stage.steps, registered, signal)
  if (admission.outcome !== 'admitted') return admission.outcome === 'refused' ? admission.fault.code : 'sign-in'
  const life = new Life(admission, at(1_000), async () => 0, stage.steps)
  const refused = await settle(life, registered, signal, () => stage.trace.push('let in'))
  return refused?.fault.code ?? 'let in'
}

const all = ['evaluate', 'reach', 'issue', 'record allow', 'login', 'let in']
test('with nothing in between', async () => {
  const stage = new Stage()
  assert.equal(await anEntrance(stage).come(), 'let in')
  assert.deepEqual(stage.trace, all)
})

/** What is done after the event at that point; nothing of it lets anybody in. */
const afterRevocation: Record<Point, string[]> = {
  evaluate: ['evaluate', 'record deny'],
  reach: ['evaluate', 'reach', 'leave', 'record deny'],
  issue: ['evaluate', 'reach', 'issue', 'leave', 'record deny'],
  record: ['evaluate', 'reach', 'issue', 'record allow', 'leave'],
  login: ['evaluate', 'reach', 'issue', 'record allow', 'login'],
}
for (const point of points)
  test(`a login that is revoked during “${point}” lets nobody in`, async () => {
    const stage = new Stage()
    const { come, revoke } = anEntrance(stage)
    const held = stage.hold(point)
    const coming = come()
    await held.reached
    revoke()
    held.goOn()
    assert.equal(await coming, 'LOGIN_REVOKED')
    assert.deepEqual(stage.trace, afterRevocation[point])
  })

/** What the first answer came to; then the other policy says no. */
const afterActivation: Record<Point, string[]> = {
  evaluate: ['evaluate', 'evaluate', 'record deny'],
  reach: ['evaluate', 'reach', 'leave', 'evaluate', 'record deny'],
  issue: ['evaluate', 'reach', 'issue', 'leave', 'evaluate', 'record deny'],
  record: ['evaluate', 'reach', 'issue', 'record allow', 'leave', 'evaluate', 'record deny'],
  login: ['evaluate', 'reach', 'issue', 'record allow', 'login', 'evaluate', 'record deny'],
}
for (const point of points) {
  test(`a policy that comes into force during “${point}” and says no lets nobody in`, async () => {
    const stage = new Stage()
    stage.answers = [allowed, denied]
    const held = stage.hold(point)
    const coming = anEntrance(stage).come()
    await held.reached
    stage.epoch.advance()
    held.goOn()
    assert.equal(await coming, 'DENIED_BY_POLICY')
    assert.deepEqual(stage.trace, afterActivation[point])
  })
  test(`one that says yes during “${point}” is asked, and its answer is what counts`, async () => {
    const stage = new Stage()
    const held = stage.hold(point)
    const coming = anEntrance(stage).come()
    await held.reached
    stage.epoch.advance()
    held.goOn()
    assert.equal(await coming, 'let in')
    const again = stage.trace.slice(stage.trace.indexOf('evaluate', 1))
    // Logged in already, it is asked about as of a live session.
    assert.deepEqual(again, point === 'login' ? ['evaluate', 'issue', 'record allow', 'let in'] : all)
    assert.equal(new Set(stage.records.map(({ decisionId }) => decisionId)).size, stage.records.length)
  })
}

test('a denial by a policy that is no more in force is not written down, and not told', async () => {
  const stage = new Stage()
  stage.answers = [denied, allowed]
  const held = stage.hold('evaluate')
  const coming = anEntrance(stage).come()
  await held.reached
  stage.epoch.advance()
  held.goOn()
  assert.equal(await coming, 'let in')
  assert.deepEqual(stage.trace, ['evaluate', ...all])
})
test('nor is what went wrong on the way of a stale answer', async () => {
  const stage = new Stage()
  stage.certificates = [new GatewayError('CERTIFICATE_TTL', 'too long'), ...stage.certificates]
  const held = stage.hold('issue')
  const coming = anEntrance(stage).come()
  await held.reached
  stage.epoch.advance()
  held.goOn()
  assert.equal(await coming, 'let in')
  assert.deepEqual(stage.trace, ['evaluate', 'reach', 'issue', 'leave', ...all])
})
test('changes without end are given up, and that is written down', async () => {
  const stage = new Stage()
  const evaluate = stage.steps.evaluate
  const steps = {
    ...stage.steps,
    evaluate: (input: Parameters<typeof evaluate>[0]) => {
      stage.epoch.advance()
      return evaluate(input)
    },
  }
  const admission = await admit(aKnock(), steps, { fault: undefined }, never)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'POLICY_BUSY')
  assert.deepEqual(stage.trace, [...Array(8).fill('evaluate'), 'record deny'])
  assert.equal(stage.records[0]?.outcome === 'deny' && stage.records[0].code, 'POLICY_BUSY')
})

// Between the login at the target and USERAUTH_SUCCESS

async function atTheThreshold(stage: Stage) {
  const entrance = anEntrance(stage)
  const admission = await admit(aKnock(), stage.steps, entrance.registered, never)
  assert.ok(admission.outcome === 'admitted')
  stage.trace.length = 0
  const letIn = (): void => void stage.trace.push('let in')
  const life = new Life(admission, at(1_000), async () => 0, stage.steps)
  return {
    ...entrance,
    life,
    settle: async (signal = never) => (await settle(life, entrance.registered, signal, letIn))?.fault.code ?? 'let in',
  }
}
test('a login that is revoked there lets nobody in', async () => {
  const stage = new Stage()
  const { revoke, settle } = await atTheThreshold(stage)
  revoke()
  assert.equal(await settle(), 'LOGIN_REVOKED')
  assert.deepEqual(stage.trace, [])
})
test('nor one that is revoked while the policy is asked once more', async () => {
  const stage = new Stage()
  const { revoke, settle } = await atTheThreshold(stage)
  stage.epoch.advance()
  const held = stage.hold('record')
  const settling = settle()
  await held.reached
  revoke()
  held.goOn()
  assert.equal(await settling, 'LOGIN_REVOKED')
  assert.ok(!stage.trace.includes('let in'))
})
test('the policy is asked as of a live session, and its certificate takes the place of the first', async () => {
  const stage = new Stage()
  const { life, settle } = await atTheThreshold(stage)
  stage.epoch.advance()
  assert.equal(await settle(), 'let in')
  assert.deepEqual(stage.inputs.at(-1)?.session, { id: 'session-1', started_at: 1_000, renewals: 0 })
  assert.equal(life.renewals, 1)
})
test('a policy that gives no answer there lets nobody in', async () => {
  const stage = new Stage()
  stage.answers = [allowed, new GatewayError('POLICY_TIMEOUT', 'late')]
  const { settle } = await atTheThreshold(stage)
  stage.epoch.advance()
  assert.equal(await settle(), 'POLICY_TIMEOUT')
  assert.deepEqual(stage.trace, ['evaluate', 'record deny'])
})
test('changes without end are given up there too, and that is written down', async () => {
  const stage = new Stage()
  const { life, settle } = await atTheThreshold(stage)
  const { evaluate } = stage.steps
  stage.steps.evaluate = (input) => {
    stage.epoch.advance()
    return evaluate(input)
  }
  stage.epoch.advance()
  assert.equal(await settle(), 'POLICY_BUSY')
  assert.deepEqual(stage.trace, [...Array(8).fill('evaluate'), 'record deny'])
  assert.equal(life.renewals, 0)
})
test('also when each answer is overtaken while it is written down', async () => {
  const stage = new Stage()
  const { life, settle } = await atTheThreshold(stage)
  const { record } = stage.steps
  stage.steps.record = (entry) => {
    stage.epoch.advance()
    return record(entry)
  }
  stage.epoch.advance()
  assert.equal(await settle(), 'POLICY_BUSY')
  assert.equal(life.renewals, 0)
  assert.ok(!stage.trace.includes('let in'))
})
test('somebody who has left meanwhile is not let in', async () => {
  const stage = new Stage()
  const { settle } = await atTheThreshold(stage)
  const client = new AbortController()
  stage.epoch.advance()
  const held = stage.hold('evaluate')
  const settling = settle(client.signal)
  await held.reached
  client.abort(new GatewayError('CLIENT_LEFT', 'gone'))
  held.goOn()
  assert.equal(await settling, 'CLIENT_LEFT')
  assert.deepEqual(stage.trace, ['evaluate'])
})
test('what is revoked between the last look and the first byte is cut as soon as it can be', () => {
  const cuts: string[] = []
  const { registered, revoke } = anEntrance(new Stage())
  revoke()
  registered.letIn({
    session: () => assert.fail(),
    bytes: () => assert.fail(),
    certificate: () => assert.fail(),
    cut: ({ code }) => cuts.push(code),
  })
  assert.deepEqual(cuts, ['LOGIN_REVOKED'])
})
