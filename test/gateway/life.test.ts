import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Life } from '../../src/gateway/life.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { Principal } from '../../src/model/units.ts'
import { aCertificate, at, type Change } from '../support/certificate.ts'
import { aKnock } from '../support/knock.ts'
import { allowed, aRoute, denied, type Point, Stage } from '../support/stage.ts'

/** A session that was let in by `first`. */
function aLife(stage: Stage, first: Certificate = aCertificate()): Life {
  const admitted = {
    knock: aKnock(),
    decisionId: 'decision-1',
    route: { host: '10.0.3.7', port: 22 },
    certificate: first,
    subjectKey: Buffer.alloc(0),
    localAddress: '10.0.0.5' as never,
    epoch: stage.epoch.now,
  }
  return new Life(admitted, at(1_000), async () => 2, stage.steps)
}
const never = new AbortController().signal
const fault = (code: ErrorCode): GatewayError => new GatewayError(code, 'as the test wants it')
const later = (change: Change = {}): Certificate => ({ ...aCertificate(change), serial: 2n })

test('a certificate takes hold once it is written down, and not before', async () => {
  const stage = new Stage()
  stage.certificates = [later()]
  const life = aLife(stage)
  const held = stage.hold('record')
  const renewing = life.renew(never)
  await held.reached
  assert.equal(life.certificate.serial, 1n)
  held.goOn()
  assert.equal((await renewing).outcome, 'renewed')
  assert.deepEqual([life.certificate.serial, life.renewals], [2n, 1])
})
test('the policy is told of the session: since when, how often renewed, how many others', async () => {
  const stage = new Stage()
  const life = aLife(stage)
  await life.renew(never)
  await life.renew(never)
  assert.deepEqual(
    stage.inputs.map(({ session, usage }) => ({ ...session, ...usage })),
    [0, 1].map((renewals) => ({ id: 'session-1', started_at: 1_000, renewals, sessions: 2 })),
  )
})

// What comes while a question is under way

const asking = ['evaluate', 'issue', 'record'] as const satisfies Point[]
const events: [event: string, happens: (stage: Stage, over: AbortController) => void][] = [
  ['another policy comes into force', ({ epoch }) => epoch.advance()],
  ['the session ends', (_stage, over) => over.abort()],
]
for (const point of asking)
  for (const [event, happens] of events)
    test(`${event} during “${point}”: nothing comes of the answer`, async () => {
      const stage = new Stage()
      stage.certificates = [later()]
      const life = aLife(stage)
      const over = new AbortController()
      const held = stage.hold(point)
      const renewing = life.renew(over.signal)
      await held.reached
      happens(stage, over)
      held.goOn()
      assert.deepEqual(await renewing, { outcome: 'stale' })
      assert.deepEqual([life.certificate.serial, life.renewals], [1n, 0])
      assert.equal(stage.trace.at(-1), point === 'record' ? 'record allow' : point)
    })
for (const [what, answers, certificates] of [
  ['a denial', [denied], []],
  ['a failure', [fault('POLICY_TIMEOUT')], []],
  ['a certificate that may not be signed', [allowed], [fault('CERTIFICATE_TTL')]],
  ['one that changes what is frozen', [allowed], [later({ criticalOptions: { 'force-command': 'id' } })]],
] as const)
  test(`${what}, of a policy that is no more in force, is neither told nor written down`, async () => {
    const stage = new Stage()
    stage.answers = answers
    if (certificates.length > 0) stage.certificates = certificates
    const held = stage.hold(certificates.length > 0 ? 'issue' : 'evaluate')
    const renewing = aLife(stage).renew(never)
    await held.reached
    stage.epoch.advance()
    held.goOn()
    assert.deepEqual(await renewing, { outcome: 'stale' })
    assert.deepEqual(stage.records, [])
  })
test('a failure that is overtaken while it is written down is asked again at once', async () => {
  const stage = new Stage()
  stage.answers = [fault('POLICY_TIMEOUT')]
  const held = stage.hold('record')
  const renewing = aLife(stage).renew(never)
  await held.reached
  stage.epoch.advance()
  held.goOn()
  assert.deepEqual(await renewing, { outcome: 'stale' })
})
test('a denial that was in force when it was given cuts, whatever comes while it is written down', async () => {
  const stage = new Stage()
  stage.answers = [denied]
  const held = stage.hold('record')
  const renewing = aLife(stage).renew(never)
  await held.reached
  stage.epoch.advance()
  held.goOn()
  assert.equal((await renewing).outcome, 'denied')
})

// Denials and failures

/** What an evaluation, a signer or a log that did not do its work says nothing of: the person. */
const failures: ErrorCode[] = [
  'POLICY_MISSING',
  'POLICY_CONFLICT',
  'POLICY_BUILTIN_FAILED',
  'POLICY_FAILED',
  'POLICY_TIMEOUT',
  'POLICY_MEMORY',
  'POLICY_BUSY',
]
for (const code of failures)
  test(`an evaluation that ends with ${code} is a failure, and written down`, async () => {
    const stage = new Stage()
    stage.answers = [fault(code)]
    const renewal = await aLife(stage).renew(never)
    assert.equal(renewal.outcome === 'failed' && renewal.fault.code, code)
    assert.deepEqual(stage.trace, ['evaluate', 'record deny'])
  })
const unusable: [what: string, answer: unknown, code: ErrorCode][] = [
  ['nothing', undefined, 'POLICY_UNDEFINED'],
  ['something that is no decision', { ...allowed, more: 1 }, 'DECISION_SHAPE'],
]
for (const [what, answer, code] of unusable)
  test(`an answer of ${what} is a failure`, async () => {
    const stage = new Stage()
    stage.answers = [answer]
    const renewal = await aLife(stage).renew(never)
    assert.equal(renewal.outcome === 'failed' && renewal.fault.code, code)
  })
for (const code of ['SIGNER_UNAVAILABLE', 'CERTIFICATE_SIGNER'] as const)
  test(`a signer that ends with ${code} is a failure: a signer that comes back cuts nobody`, async () => {
    const stage = new Stage()
    stage.certificates = [fault(code)]
    const renewal = await aLife(stage).renew(never)
    assert.equal(renewal.outcome === 'failed' && renewal.fault.code, code)
    assert.deepEqual(stage.trace, ['evaluate', 'issue', 'record deny'])
  })
test('a certificate that cannot be written down takes no hold, and that is a failure', async () => {
  const stage = new Stage()
  stage.certificates = [later()]
  stage.recordings = [fault('LOG_NOT_DURABLE')]
  const life = aLife(stage)
  const renewal = await life.renew(never)
  assert.equal(renewal.outcome === 'failed' && renewal.fault.code, 'LOG_NOT_DURABLE')
  assert.equal(life.certificate.serial, 1n)
})
test('a denial is written down, and told in the policy’s words', async () => {
  const stage = new Stage()
  stage.answers = [denied]
  const renewal = await aLife(stage).renew(never)
  assert.ok(renewal.outcome === 'denied')
  assert.match(renewal.refusal.lines[0], /your shift is over \[over\] \(decision /)
  assert.equal(stage.records[0]?.outcome, 'deny')
})
test('one that cannot be written down cuts all the same, and says what else is wrong', async () => {
  const stage = new Stage()
  stage.answers = [denied]
  stage.recordings = [fault('LOG_NOT_DURABLE')]
  const renewal = await aLife(stage).renew(never)
  assert.equal(renewal.outcome === 'denied' && renewal.fault.code, 'LOG_NOT_DURABLE')
})
const denials: [what: string, change: Partial<Pick<Stage, 'answers' | 'certificates'>>, code: ErrorCode][] = [
  [
    'a demand',
    { answers: [{ version: 'ssh/v1', outcome: 'challenge', require: [{ type: 'login' }] }] },
    'CHALLENGE_UNSUPPORTED',
  ],
  ['a certificate that leaves out the login', { certificates: [fault('CERTIFICATE_LOGIN')] }, 'CERTIFICATE_LOGIN'],
  ['one that is too long', { certificates: [fault('CERTIFICATE_TTL')] }, 'CERTIFICATE_TTL'],
]
for (const [what, change, code] of denials)
  test(`${what} is a denial`, async () => {
    const renewal = await aLife(Object.assign(new Stage(), change)).renew(never)
    assert.equal(renewal.outcome === 'denied' && renewal.fault.code, code)
  })
test('a route that is gone is a denial', async () => {
  const stage = new Stage()
  stage.steps.route = () => undefined
  const renewal = await aLife(stage).renew(never)
  assert.equal(renewal.outcome === 'denied' && renewal.fault.code, 'ROUTE_UNKNOWN')
})

// What sshd has done already

const force = (command: string): Change => ({ criticalOptions: { 'force-command': command } })
const userRc: Change = { extensions: { 'permit-user-rc': '' } }
const roles = (...principals: string[]) => ({ principals: principals as unknown as Certificate['principals'] })
const frozen: [rule: string, first: Partial<Certificate>, later: Partial<Certificate>, on: 'login' | 'roles'][] = [
  ['a forced command may not come', {}, aCertificate(force('id')), 'login'],
  ['nor go', aCertificate(force('id')), {}, 'login'],
  ['nor become another', aCertificate(force('id')), aCertificate(force('true')), 'login'],
  ['permit-user-rc may not come', {}, aCertificate(userRc), 'login'],
  ['nor go', aCertificate(userRc), {}, 'login'],
  ['on a route with roles the list of principals must stay', roles('dba'), roles('dba', 'root'), 'roles'],
]
for (const [rule, first, next, principals] of frozen)
  test(`frozen: ${rule}`, async () => {
    const stage = new Stage()
    stage.steps.route = () => ({ ...aRoute, principals })
    stage.certificates = [{ ...later(), ...next, serial: 2n }]
    const life = aLife(stage, { ...aCertificate(), ...first })
    const renewal = await life.renew(never)
    assert.equal(renewal.outcome === 'denied' && renewal.fault.code, 'CERTIFICATE_FROZEN')
    assert.equal(life.certificate.serial, 1n)
  })
const free: [rule: string, first: Partial<Certificate>, later: Partial<Certificate>, on: 'login' | 'roles'][] = [
  ['extensions', aCertificate({ extensions: { 'permit-pty': '' } }), {}, 'login'],
  ['the order of the principals', roles('dba', 'root'), roles('root', 'dba'), 'roles'],
  ['principals beside the login', {}, { principals: ['postgres', 'deploy'] as [Principal, Principal] }, 'login'],
]
for (const [what, first, next, principals] of free)
  test(`free: ${what}`, async () => {
    const stage = new Stage()
    stage.steps.route = () => ({ ...aRoute, principals })
    stage.certificates = [{ ...later(), ...next }]
    assert.equal((await aLife(stage, { ...aCertificate(), ...first }).renew(never)).outcome, 'renewed')
  })
test('it is the first certificate that counts, not the one before', async () => {
  const stage = new Stage()
  stage.certificates = [later(), later(force('id'))]
  const life = aLife(stage)
  await life.renew(never)
  const renewal = await life.renew(never)
  assert.equal(renewal.outcome === 'denied' && renewal.fault.code, 'CERTIFICATE_FROZEN')
})

test('a route that leads to another host now ends the session, which leads to the old one', async () => {
  const stage = new Stage()
  const life = aLife(stage)
  stage.steps.route = () => ({ ...aRoute, port: 2_222 })
  const renewal = await life.renew(never)
  assert.equal(renewal.outcome === 'denied' && renewal.fault.code, 'ROUTE_CHANGED')
  assert.deepEqual(
    stage.records.map(({ outcome }) => outcome),
    ['deny'],
  )
})
