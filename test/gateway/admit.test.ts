import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DecisionRecord } from '../../src/decision-log/record.ts'
import { admit as admitWatched } from '../../src/gateway/admit.ts'
import { ask, type Knock, type Steps } from '../../src/gateway/decide.ts'
import type { Counts } from '../../src/gateway/registry.ts'
import type { Address } from '../../src/model/address.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { aCertificate } from '../support/certificate.ts'
import { aKnock, aStranger } from '../support/knock.ts'
import { allowed, evaluation, denied as refused, aRoute as route, signIn } from '../support/stage.ts'

const certificate = aCertificate()
const denied = { ...refused, reasons: [{ code: 'no-matching-grant', message: '' }] }

/** What a step did, in the order it was done. */
function world(change: Partial<Steps> & { result?: unknown } = {}) {
  const trace: string[] = []
  const records: DecisionRecord[] = []
  const { result = allowed, ...steps } = change
  const traced: Steps = {
    route: () => route,
    async evaluate() {
      trace.push('evaluate')
      return evaluation(result)
    },
    async reach() {
      trace.push('reach')
      return {
        localAddress: '10.0.0.5' as Address,
        async login() {
          trace.push('login')
          return { leg: {} as Leg, banner: '' }
        },
        leave: () => trace.push('leave'),
      }
    },
    async issue() {
      trace.push('issue')
      return certificate
    },
    async record(record) {
      trace.push(`record ${record.outcome}`)
      records.push(record)
    },
    epoch: () => 0,
    closed: () => undefined,
    full: () => undefined,
    roomForStranger: async () => true,
    ...steps,
  }
  return { trace, records, steps: traced }
}
const never = new AbortController().signal
const admit = (knock: Knock, steps: Steps, signal: AbortSignal) =>
  admitWatched(knock, steps, { fault: undefined }, signal)
const fails = (code: ErrorCode) => async (): Promise<never> => {
  throw new GatewayError(code, 'failed')
}

test('decide, reach, issue, record, log in: in this order', async () => {
  const { trace, steps } = world()
  assert.equal((await admit(aKnock(), steps, never)).outcome, 'admitted')
  assert.deepEqual(trace, ['evaluate', 'reach', 'issue', 'record allow', 'login'])
})

const refusals: [rule: string, change: Parameters<typeof world>[0], code: ErrorCode, trace: string[]][] = [
  [
    'a denial is written down, and nobody is gone to',
    { result: denied },
    'DENIED_BY_POLICY',
    ['evaluate', 'record deny'],
  ],
  [
    'a policy that fails denies',
    { evaluate: async () => evaluation(new GatewayError('POLICY_TIMEOUT', 'late')) },
    'POLICY_TIMEOUT',
    ['record deny'],
  ],
  ['a policy that says nothing denies', { evaluate: async () => evaluation() }, 'POLICY_UNDEFINED', ['record deny']],
  [
    'an answer of the wrong shape denies',
    { result: { ...allowed, extra: 1 } },
    'DECISION_SHAPE',
    ['evaluate', 'record deny'],
  ],
  ['null is no answer', { result: null }, 'DECISION_SHAPE', ['evaluate', 'record deny']],
  [
    'a step-up denies',
    { result: { ...signIn, require: [{ type: 'login', max_age: 60 }] } },
    'CHALLENGE_UNSUPPORTED',
    ['evaluate', 'record deny'],
  ],
  ['so does a sign-in when there was one', { result: signIn }, 'CHALLENGE_UNSUPPORTED', ['evaluate', 'record deny']],
  [
    'so does a demand for a reason',
    { result: { ...signIn, require: [{ type: 'reason', prompt: 'Ticket?' }] } },
    'CHALLENGE_UNSUPPORTED',
    ['evaluate', 'record deny'],
  ],
  [
    'an unknown route is written down and never put to the policy',
    { route: () => undefined },
    'ROUTE_UNKNOWN',
    ['record deny'],
  ],
  [
    'no certificate for a target that is not there',
    { reach: fails('TARGET_UNREACHABLE') },
    'TARGET_UNREACHABLE',
    ['evaluate', 'record deny'],
  ],
  [
    'nor for one whose host key is not known',
    { reach: fails('HOST_KEY_MISMATCH') },
    'HOST_KEY_MISMATCH',
    ['evaluate', 'record deny'],
  ],
  [
    'what may not be signed is a refusal',
    { issue: fails('CERTIFICATE_TTL') },
    'CERTIFICATE_TTL',
    ['evaluate', 'reach', 'leave', 'record deny'],
  ],
  [
    'a log that is not durable lets nobody in',
    { record: fails('LOG_NOT_DURABLE') },
    'LOG_NOT_DURABLE',
    ['evaluate', 'reach', 'issue', 'leave'],
  ],
  [
    'and tells nobody of a denial',
    { result: denied, record: fails('LOG_NOT_DURABLE') },
    'LOG_NOT_DURABLE',
    ['evaluate'],
  ],
]
for (const [rule, change, code, trace] of refusals)
  test(rule, async () => {
    const { trace: done, records, steps } = world(change)
    const admission = await admit(aKnock(), steps, never)
    assert.equal(admission.outcome === 'refused' && admission.fault.code, code)
    assert.deepEqual(done, trace)
    assert.ok(records.every((record) => record.outcome === 'deny' && record.code === code))
  })

test('a target that refuses does not undo the record of what was issued', async () => {
  const { trace, steps } = world()
  const reach = async (...args: Parameters<Steps['reach']>) => ({
    ...(await steps.reach(...args)),
    login: fails('TARGET_REFUSED'),
  })
  const admission = await admit(aKnock(), { ...steps, reach }, never)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'TARGET_REFUSED')
  assert.deepEqual(trace, ['evaluate', 'reach', 'issue', 'record allow', 'leave'])
})

test('a client that left while its certificate was written down is not logged in', async () => {
  const client = new AbortController()
  const { trace, steps } = world()
  const record = async (record: DecisionRecord): Promise<void> => {
    await steps.record(record)
    client.abort(new GatewayError('CLIENT_LEFT', 'gone'))
  }
  const admission = await admit(aKnock(), { ...steps, record }, client.signal)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'CLIENT_LEFT')
  assert.ok(!trace.includes('login'))
})

test('where there is no room for one more session it is refused, and written down; a live one goes on', async () => {
  const full = ({ others }: Counts) => (others < 2 ? undefined : new GatewayError('TOO_MANY_SESSIONS', `${others}`))
  const { trace, steps } = world({ full })
  const admission = await admit(aKnock({ counts: { others: 2, all: 3 } }), steps, never)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'TOO_MANY_SESSIONS')
  assert.deepEqual(trace, ['evaluate', 'record deny'])
  const session = { id: 'session-1', started_at: 1_800_000_000, renewals: 1 }
  assert.equal((await ask(aKnock({ counts: { others: 2, all: 3 }, session }), steps)).ruling.outcome, 'grant')
  assert.equal((await admit(aKnock({ counts: { others: 1, all: 2 } }), steps, never)).outcome, 'admitted')
})

test('who is not known is sent to sign in, and no record is made of it', async () => {
  const { trace, steps } = world({ result: signIn })
  assert.deepEqual(await admit(aStranger(), steps, never), { outcome: 'sign-in' })
  assert.deepEqual(trace, ['evaluate'])
})
test('the same on a route that is not there', async () => {
  const { trace, steps } = world({ route: () => undefined })
  assert.deepEqual(await admit(aStranger(), steps, never), { outcome: 'sign-in' })
  assert.deepEqual(trace, [])
})
test('and so is whoever asks for one while nobody at all is let in', async () => {
  const closed = new GatewayError('POLICY_MISSING', 'no bundle')
  const evaluate = async () => evaluation(closed)
  const words = async (route: Steps['route']) => {
    const admission = await admit(aStranger(), world({ route, evaluate, closed: () => closed }).steps, never)
    return admission.outcome === 'refused' && admission.refusal.lines.join().replace(/[0-9a-f-]{36}/, 'ID')
  }
  assert.match((await words(() => undefined)) || '', /POLICY_MISSING/)
  assert.equal(await words(() => undefined), await words(() => route))
})
test('the refusals of strangers are written down while there is room, and then only counted', async () => {
  const { trace, steps } = world({ result: denied, roomForStranger: async () => false })
  const admission = await admit(aStranger(), steps, never)
  assert.deepEqual(trace, ['evaluate'])
  assert.ok(admission.outcome === 'refused' && !admission.refusal.lines[0].includes('decision'))
  await admit(aKnock(), steps, never)
  assert.deepEqual(trace, ['evaluate', 'evaluate', 'record deny'])
})
test('what is closed to everyone is said at once', async () => {
  const { steps } = world({ result: { ...denied, reasons: [{ code: 'freeze', message: 'frozen until Monday' }] } })
  const admission = await admit(aStranger(), steps, never)
  assert.ok(admission.outcome === 'refused')
  assert.match(
    admission.refusal.lines[0],
    /^denied by policy: frozen until Monday \[freeze\] \(decision [0-9a-f-]{36}\)$/,
  )
})
test('a policy that lets a stranger in lets nobody in', async () => {
  const { trace, steps } = world()
  const admission = await admit(aStranger(), steps, never)
  assert.equal(admission.outcome === 'refused' && admission.fault.code, 'DECISION_SHAPE')
  assert.deepEqual(trace, ['evaluate', 'record deny'])
})

test('an unknown route is told in the words of a denied one', async () => {
  const words = async (change: Parameters<typeof world>[0]): Promise<string> => {
    const admission = await admit(aKnock(), world(change).steps, never)
    return admission.outcome === 'refused' ? admission.refusal.lines.join('\n').replace(/[0-9a-f-]{36}/, 'ID') : ''
  }
  assert.equal(await words({ result: denied }), 'no access to postgres@db1, or no such route (decision ID)')
  assert.equal(await words({ route: () => undefined }), await words({ result: denied }))
})

test('the input holds what is known and nothing that is not', async () => {
  const inputs: unknown[] = []
  const evaluate: Steps['evaluate'] = async (input) => {
    inputs.push(JSON.parse(JSON.stringify(input)))
    return evaluation(signIn)
  }
  await admit(aStranger(), world({ evaluate }).steps, never)
  assert.deepEqual(inputs, [
    {
      version: 'ssh/v1',
      key: { type: 'ssh-ed25519', fingerprint: 'SHA256:k', hardware: false },
      connection: aKnock().connection,
      target: {
        route: 'db1',
        login: 'postgres',
        host: '10.0.3.7',
        port: 22,
        principals: 'login',
        labels: { env: 'prod' },
      },
      request: { approvals: [] },
      usage: { sessions: 0 },
      facts: {},
    },
  ])
})

test('every decision has an id of its own, which the person sees and the record has', async () => {
  const { records, steps } = world({ result: denied })
  const admissions = [await admit(aKnock(), steps, never), await admit(aKnock(), steps, never)]
  const ids = records.map(({ decisionId }) => decisionId)
  assert.equal(new Set(ids).size, 2)
  for (const [index, admission] of admissions.entries())
    assert.ok(admission.outcome === 'refused' && admission.refusal.lines[0].includes(ids[index] ?? '?'))
})
