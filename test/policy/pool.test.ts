import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Milliseconds } from '../../src/model/units.ts'
import { PolicyPool } from '../../src/policy/pool.ts'
import { Threads } from '../../src/policy/threads.ts'
import { compileRego } from '../support/opa.ts'

const loops = `package t
loop := count([1 | some a in numbers.range(1, 4000); some b in numbers.range(1, 4000); a == b])
quick := input.x
`
/** What loops takes some times as long, and what is quick a hundredth, the first time in a thread a tenth. */
const settings = { workers: 1, deadline: 500 as Milliseconds, memoryPages: 1_024 }

test('who waits behind evaluations that loop is answered once they are ended, by the worker that stood by', async () => {
  const bundle = await compileRego({ modules: [loops], entrypoints: ['t/loop', 't/quick'] })
  await using threads = new Threads(1)
  await using pool = await PolicyPool.start(bundle, settings, threads)
  const ask = (entrypoint: string) => pool.evaluate({ entrypoint, input: '{"x":1}', nowNs: '0' })
  const answers = await Promise.all(['t/loop', 't/loop', 't/quick'].map(ask))
  const told = answers.map((answer) => ('error' in answer ? answer.error.code : answer.result))
  assert.deepEqual(told, ['POLICY_TIMEOUT', 'POLICY_TIMEOUT', '1'])
  assert.equal(pool.restarts, 2)
})

test('a pool that takes no more questions answers those that it has, also when it lost a worker over one', async () => {
  const bundle = await compileRego({ modules: [loops], entrypoints: ['t/loop', 't/quick'] })
  await using threads = new Threads(1)
  const pool = await PolicyPool.start(bundle, settings, threads)
  const ask = async (entrypoint: string) => {
    const answer = await pool.evaluate({ entrypoint, input: '{"x":1}', nowNs: '0' })
    return 'error' in answer ? answer.error.code : answer.result
  }
  const before = ['t/loop', 't/loop', 't/loop', 't/quick'].map(ask)
  const drained = pool.drain()
  const after = ask('t/quick')
  const looped = 'POLICY_TIMEOUT'
  assert.deepEqual(await Promise.all([...before, after]), [looped, looped, looped, '1', 'POLICY_BUSY'])
  await drained
})

test('a question given to a thread that ends over the one before it is asked again, and of nobody else', async () => {
  const bundle = await compileRego({ modules: [loops], entrypoints: ['t/loop', 't/quick'] })
  await using threads = new Threads(2)
  await using pool = await PolicyPool.start(bundle, { ...settings, workers: 2 }, threads)
  const ask = async (entrypoint: string, x: number) => {
    const answer = await pool.evaluate({ entrypoint, input: `{"x":${x}}`, nowNs: '0' })
    return 'error' in answer ? answer.error.code : answer.result
  }
  const looped = [ask('t/loop', 0), ask('t/loop', 0)] // in either thread
  const behind = [1, 2, 3, 4, 5].map((x) => ask('t/quick', x))
  assert.deepEqual(await Promise.all(looped), ['POLICY_TIMEOUT', 'POLICY_TIMEOUT'])
  assert.deepEqual(await Promise.all(behind), ['1', '2', '3', '4', '5'])
  assert.equal(pool.restarts, 2)
})

test('the deadline of a question begins when the one before it has been answered', async () => {
  const slow = `package t\nslow := count([1 | some a in numbers.range(1, 300); some b in numbers.range(1, 300); a == b])`
  const bundle = await compileRego({ modules: [slow], entrypoints: ['t/slow'] })
  await using threads = new Threads(0)
  await using pool = await PolicyPool.start(bundle, settings, threads)
  const question = { entrypoint: 't/slow', input: '{}', nowNs: '0' }
  let nanoseconds = 0
  for (let round = 0; round < 20; round++) nanoseconds = (await pool.evaluate(question)).nanoseconds // the first are slower
  const many = Math.ceil((2 * settings.deadline * 1e6) / nanoseconds) // two deadlines' worth
  const answers = await Promise.all(Array.from({ length: Math.min(many, 1_000) }, () => pool.evaluate(question)))
  assert.ok(answers.every((answer) => 'result' in answer))
  assert.equal(pool.restarts, 0)
})

test('a pool that is closed answers what it has: that it is replaced', async () => {
  const bundle = await compileRego({ modules: [loops], entrypoints: ['t/loop', 't/quick'] })
  await using threads = new Threads(0)
  const pool = await PolicyPool.start(bundle, { ...settings, deadline: 5_000 as Milliseconds }, threads)
  const asked = ['t/loop', 't/quick', 't/quick'].map((entrypoint) =>
    pool.evaluate({ entrypoint, input: '{"x":1}', nowNs: '0' }),
  )
  await pool[Symbol.asyncDispose]()
  const told = (await Promise.all(asked)).map((answer) => ('error' in answer ? answer.error.code : answer.result))
  assert.deepEqual(told, ['POLICY_BUSY', 'POLICY_BUSY', 'POLICY_BUSY'])
})

test('threads are asked first without the deadline, and one that never answers is replaced', async () => {
  const bundle = await compileRego({ modules: [loops], entrypoints: ['t/loop', 't/quick'] })
  await using threads = new Threads(1)
  await using pool = await PolicyPool.start(bundle, { ...settings, deadline: 5_000 as Milliseconds }, threads)
  const question = (entrypoint: string) => ({ entrypoint, input: '{"x":1}', nowNs: '0' })
  const warming = pool.warm([question('t/quick'), question('t/loop')])
  const meanwhile = pool.evaluate(question('t/quick'))
  await warming
  const answer = await meanwhile
  assert.ok('result' in answer && answer.result === '1')
})
