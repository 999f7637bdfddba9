import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { createDecisionLog, type StoredEvent } from '../../src/decision-log/log.ts'
import { type DecisionRecord, decisionEvent, type Evaluated } from '../../src/decision-log/record.ts'
import { DecisionEvent } from '../../src/http/shapes.ts'
import type { PolicyInput } from '../../src/model/context.ts'
import { GatewayError } from '../../src/model/errors.ts'
import { aCertificate } from '../support/certificate.ts'
import { aKnock, alice } from '../support/knock.ts'

const writer = { id: 'w1', version: '0.1.0', gateway: 'eu-1' }
const input: PolicyInput = {
  version: 'ssh/v1',
  identity: alice,
  connection: aKnock().connection,
  target: { route: 'db1', login: 'postgres', host: '10.0.3.7', port: 22, principals: 'login', labels: {} },
  request: { approvals: [] },
  usage: { sessions: 0 },
  facts: {},
}
const evaluated: Evaluated = {
  entrypoint: 'ssh/decision',
  revision: 'r1',
  builtins: { 'time.now_ns': { '[]': '1763881234567890123' } },
  nanoseconds: 42,
  came: 'answered',
  result: { outcome: 'allow' },
}
const question = { decisionId: 'd1', at: 1_763_880_000_000, input, evaluated }
const ssh = { ...question, kind: 'ssh', sessionId: 's1' } as const
const whatIf = { ...question, kind: 'what-if', address: '192.0.2.1:5', outcome: 'challenge' } as const
const bare = { entrypoint: 'ssh/decision', builtins: {}, nanoseconds: 42 } as const

type Row = [rule: string, record: DecisionRecord, part: Record<string, unknown>, absent?: string[]]
const certificate = aCertificate()
const rows: Row[] = [
  [
    'an allow has the certificate that was signed',
    { ...ssh, outcome: 'allow', certificate },
    {
      requested_by: '203.0.113.9:50000',
      labels: { ...writer, kind: 'ssh', session_id: 's1' },
      mapped_result: {
        outcome: 'allow',
        certificate: {
          serial: String(certificate.serial),
          key_id: certificate.keyId,
          principals: certificate.principals,
          valid_after: certificate.validAfter,
          valid_before: certificate.validBefore,
          critical_options: certificate.criticalOptions,
          extensions: certificate.extensions,
          fingerprint: certificate.subject,
          signed: certificate.signed.toString('base64'),
        },
      },
    },
  ],
  [
    'a deny has its code',
    { ...ssh, outcome: 'deny', code: 'DENIED_BY_POLICY' },
    { mapped_result: { outcome: 'deny', code: 'DENIED_BY_POLICY' }, result: { outcome: 'allow' } },
    ['error', 'erased'],
  ],
  [
    'a what-if has who asked, and no session',
    { ...whatIf, username: 'ci' },
    {
      requested_by: '192.0.2.1:5',
      labels: { ...writer, kind: 'what-if' },
      mapped_result: { outcome: 'challenge', asked_by: 'ci' },
    },
  ],
  [
    'what failed has no result',
    {
      ...ssh,
      evaluated: { ...bare, came: 'failed', error: { code: 'POLICY_TIMEOUT', message: 'a\u001bb' } },
      outcome: 'deny',
      code: 'POLICY_TIMEOUT',
    },
    { error: { code: 'POLICY_TIMEOUT', message: 'a?b' }, metrics: { timer_rego_query_eval_ns: 42 } },
    ['result', 'bundles', 'nd_builtin_cache'],
  ],
  [
    'neither has what is undefined',
    { ...ssh, evaluated: { ...bare, came: 'undefined' }, outcome: 'deny', code: 'POLICY_UNDEFINED' },
    {},
    ['result', 'error'],
  ],
  [
    'an answer that is too long is erased, and said to be',
    {
      ...ssh,
      evaluated: { ...bare, came: 'answered', result: 'x'.repeat(300_000) },
      outcome: 'deny',
      code: 'DECISION_SHAPE',
    },
    { erased: ['/result'] },
    ['result'],
  ],
  [
    'no control character stands in it, whoever wrote it',
    { ...whatIf, input: { ...input, facts: { 'a\u009b': 'b\u202e' } } },
    { input: { ...input, facts: { 'a?': 'b?' } } },
  ],
]
for (const [rule, record, part, absent = []] of rows)
  test(`event: ${rule}`, () => {
    const event = JSON.parse(decisionEvent(record, writer)) as Record<string, unknown>
    assert.deepEqual(Object.fromEntries(Object.keys(part).map((name) => [name, event[name]])), part)
    assert.deepEqual(
      absent.filter((name) => name in event),
      [],
    )
    assert.ok(Value.Check(DecisionEvent, event))
  })
test('event: nanoseconds keep their last digit', () =>
  assert.ok(decisionEvent(whatIf, writer).includes('"time.now_ns":{"[]":1763881234567890123}')))

test('what is durable is shown, with what it can be found by', async () => {
  const stored: StoredEvent[] = []
  const shown: string[] = []
  const log = createDecisionLog(
    async (event) => void stored.push(event),
    writer,
    (event) => shown.push(event),
  )
  await log.append({ ...ssh, outcome: 'deny', code: 'DENIED_BY_POLICY' })
  await log.append(whatIf)
  const found = { decisionId: 'd1', timestamp: '2025-11-23T06:40:00.000Z', username: 'alice', route: 'db1' }
  assert.deepEqual(
    stored.map(({ bytes: _, ...rest }) => rest),
    [
      { ...found, kind: 'ssh', sessionId: 's1', outcome: 'deny', code: 'DENIED_BY_POLICY' },
      { ...found, kind: 'what-if', outcome: 'challenge' },
    ],
  )
  assert.deepEqual(
    shown,
    stored.map(({ bytes }) => Buffer.from(bytes).toString()),
  )
})
test('what is not durable is not shown', async () => {
  const shown: string[] = []
  const log = createDecisionLog(
    () => Promise.reject(new Error('full')),
    writer,
    (event) => shown.push(event),
  )
  const fails = (error: unknown): boolean => error instanceof GatewayError && error.code === 'LOG_NOT_DURABLE'
  await assert.rejects(log.append(whatIf), fails)
  assert.deepEqual(shown, [])
})
