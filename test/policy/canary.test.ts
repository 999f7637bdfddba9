import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { canaryFault } from '../../src/policy/canary.ts'
import type { Active } from '../../src/policy/engine.ts'
import type { Answer } from '../../src/policy/worker.ts'
import { allowed, denied, signIn } from '../support/stage.ts'

type Said = object | 'undefined' | 'failed' | 'late' | 'late twice'

/** A policy that answers each input `{"x": name}` as the table says. */
const policy = (answers: Record<string, Said>, asked: string[] = []): Active => ({
  revision: 'r',
  pool: {
    async evaluate({ input }) {
      const { x } = JSON.parse(input) as { x: string }
      asked.push(x)
      const said = answers[x] === 'late twice' && asked.length > 2 ? allowed : answers[x]
      return { builtins: {}, nanoseconds: 1, ...told(said) } as Answer
    },
  },
})
const told = (said: Said | undefined): object =>
  said === 'late' || said === 'late twice'
    ? { error: { code: 'POLICY_TIMEOUT', message: 'late' } }
    : said === 'failed'
      ? { error: { code: 'POLICY_CONFLICT', message: 'two rules' } }
      : said === 'undefined' || said === undefined
        ? {}
        : { result: JSON.stringify(said) }
const inputs = [{ x: 'a' }, { x: 'b' }]

const good: [rule: string, now: Record<string, Said>, next: Record<string, Said>][] = [
  ['one that answers as before', { a: allowed, b: denied }, { a: allowed, b: denied }],
  ['one that has changed its mind', { a: allowed, b: denied }, { a: denied, b: signIn }],
  ['one that answers where nobody did', { a: allowed }, { a: allowed, b: allowed }],
  ['one that fails where the one in force does too', { a: allowed, b: 'failed' }, { a: allowed, b: 'undefined' }],
]
for (const [rule, now, next] of good)
  test(`put in force: ${rule}`, async () => {
    assert.equal(await canaryFault(policy(now), policy(next), inputs), undefined)
  })

const bad: [rule: string, next: Record<string, Said>][] = [
  ['one that is undefined where there was an answer', { a: allowed }],
  ['one that fails there', { a: allowed, b: 'failed' }],
  ['one that takes too long there, again and again', { a: allowed, b: 'late' }],
  ['one that answers something that is no decision', { a: allowed, b: { ...denied, more: 1 } }],
]
for (const [rule, next] of bad)
  test(`turned away: ${rule}`, async () => {
    const fault = await canaryFault(policy({ a: allowed, b: denied }), policy(next), inputs)
    assert.equal(fault?.code, 'POLICY_BUNDLE')
    assert.match(fault.message, /gives no decision where the one in force does/)
  })
test('where none is in force, any that can be loaded is better', async () => {
  const none: Active = { fault: new GatewayError('POLICY_BUNDLE', 'no bundle') }
  assert.equal(await canaryFault(none, policy({}), inputs), undefined)
})
test('the one in force is asked only where the next one fails', async () => {
  const asked: string[] = []
  await canaryFault(policy({ a: allowed }, asked), policy({ a: allowed }), inputs)
  assert.deepEqual(asked, ['b'])
})
test('one that is late now and then is asked again', async () => {
  const asked: string[] = []
  assert.equal(await canaryFault(policy({ a: allowed }), policy({ a: 'late twice' }, asked), [{ x: 'a' }]), undefined)
  assert.equal(asked.length, 3)
})
