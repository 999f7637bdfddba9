import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WhatIfRecord } from '../src/decision-log/record.ts'
import type { PolicyInput } from '../src/model/context.ts'
import { GatewayError } from '../src/model/errors.ts'
import type { Evaluation } from '../src/policy/engine.ts'
import { askWhatIf } from '../src/what-if.ts'
import { aKnock } from './support/knock.ts'

const input: PolicyInput = {
  version: 'ssh/v1',
  connection: aKnock().connection,
  target: { route: 'db1', host: '10.0.3.7', port: 22, principals: 'login', labels: {} },
  request: { approvals: [] },
  usage: { sessions: 0 },
  facts: {},
}
const ran = { entrypoint: 'ssh/decision', builtins: {}, nanoseconds: 1 }
const answered = (result: unknown): Evaluation => ({ ...ran, came: 'answered', result })
const deny = { version: 'ssh/v1', outcome: 'deny' }
const challenge = { version: 'ssh/v1', outcome: 'challenge', require: [{ type: 'login' }] }
const allow = { version: 'ssh/v1', outcome: 'allow', certificate: { principals: ['postgres'], ttl: 60 } }
const late = new GatewayError('POLICY_TIMEOUT', 'late')

const rows: [rule: string, evaluation: Evaluation, recorded: object, answer: object][] = [
  ['an allow is shown and nothing is issued', answered(allow), { outcome: 'allow' }, { result: allow }],
  ['a challenge', answered(challenge), { outcome: 'challenge' }, { result: challenge }],
  ['a denial', answered(deny), { outcome: 'deny' }, { result: deny }],
  [
    'what is no decision is shown, and would be a denial',
    answered({ ...allow, extra: 1 }),
    { outcome: 'deny', code: 'DECISION_SHAPE' },
    { result: { ...allow, extra: 1 } },
  ],
  ['so would be nothing', { ...ran, came: 'undefined' }, { outcome: 'deny', code: 'POLICY_UNDEFINED' }, {}],
  [
    'and a failure, which is told',
    { ...ran, came: 'failed', error: late },
    { outcome: 'deny', code: 'POLICY_TIMEOUT' },
    { fault: late },
  ],
]
for (const [rule, evaluation, recorded, answer] of rows)
  test(`what-if: ${rule}`, async () => {
    const records: WhatIfRecord[] = []
    const ask = askWhatIf({
      evaluate: async () => evaluation,
      record: async (record) => void records.push(record),
    })
    const { decisionId, ...told } = await ask(input, { address: '127.0.0.1:5', username: 'ci' })
    assert.deepEqual(told, answer)
    const [{ at, ...record } = { at: 0 }] = records
    assert.ok(Math.abs(at - Date.now()) < 10_000)
    const question = {
      decisionId,
      kind: 'what-if',
      input,
      evaluated: evaluation,
      address: '127.0.0.1:5',
      username: 'ci',
    }
    assert.deepEqual(record, { ...question, ...recorded })
  })
test('what-if: what cannot be written down is not told', async () => {
  const ask = askWhatIf({
    evaluate: async () => answered(allow),
    record: () => Promise.reject(new GatewayError('LOG_NOT_DURABLE', 'full')),
  })
  const answer = await ask(input, { address: '127.0.0.1:5' })
  assert.ok('fault' in answer && answer.fault.code === 'LOG_NOT_DURABLE' && !('result' in answer))
})
