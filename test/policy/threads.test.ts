import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import type { Bundle } from '../../src/policy/bundle.ts'
import { PolicyThread } from '../../src/policy/thread.ts'
import { Threads } from '../../src/policy/threads.ts'
import { compileRego } from '../support/opa.ts'

const pages = 1_024
const never = 1_000_000_000 as Milliseconds
const one = await compileRego({
  modules: ['package t\nwho := "one"\nseen := data.x\n'],
  entrypoints: ['t/who', 't/seen'],
})
const two = await compileRego({
  modules: ['package t\nwho := "two"\nseen := data.x\n'],
  entrypoints: ['t/who', 't/seen'],
})
const notOpa: Bundle = { ...one, module: new WebAssembly.Module(Buffer.from('0061736d01000000', 'hex')) }
const stopped = new GatewayError('POLICY_TIMEOUT', 'as the test wants it')

async function ask(thread: PolicyThread, entrypoint = 't/who'): Promise<string | undefined> {
  const answer = await thread.ask({ entrypoint, input: '{}', nowNs: '0' })
  if (answer === undefined) return undefined
  return 'error' in answer ? answer.error.code : answer.result
}

test('a thread answers by the bundle that was loaded last, and keeps nothing of the one before', async () => {
  const thread = await PolicyThread.start()
  await thread.load({ ...one, data: '{"x": 1}' }, pages)
  assert.deepEqual([await ask(thread), await ask(thread, 't/seen')], ['"one"', '1'])
  assert.deepEqual(await thread.load(two, pages), ['t/who', 't/seen'])
  assert.deepEqual([await ask(thread), await ask(thread, 't/seen')], ['"two"', undefined])
  await thread.end(stopped)
})
test('without a bundle, and after one that cannot be loaded, it has no answer', async () => {
  const thread = await PolicyThread.start()
  assert.equal(await ask(thread), 'POLICY_MISSING')
  await thread.load(one, pages)
  await assert.rejects(thread.load(notOpa, pages), { code: 'POLICY_BUNDLE' })
  assert.equal(await ask(thread), 'POLICY_MISSING')
  await thread.load(two, pages)
  assert.equal(await ask(thread), '"two"')
  await thread.end(stopped)
})
test('what it is asked when it ends is answered with the reason, and so is what comes later', async () => {
  const thread = await PolicyThread.start()
  await thread.load(one, pages)
  let lost = 0
  thread.lost = () => lost++
  const asked = ask(thread)
  await thread.end(stopped)
  await thread.end(new GatewayError('POLICY_FAILED', 'later'))
  assert.deepEqual([await asked, await ask(thread), lost, thread.isOver], ['POLICY_TIMEOUT', 'POLICY_TIMEOUT', 1, true])
})

test('a thread that is given back is the next one taken', async () => {
  await using threads = new Threads(1, never)
  const thread = await threads.take()
  threads.giveBack(thread)
  assert.equal(await threads.take(), thread)
  await thread.end(stopped)
})
test('one that is over, and one too many, is not', async () => {
  await using threads = new Threads(1, never)
  const [first, second, third] = await Promise.all([threads.take(), threads.take(), threads.take()])
  await third.end(stopped)
  threads.giveBack(third)
  threads.giveBack(first)
  threads.giveBack(second)
  assert.equal(second.isOver, true)
  assert.equal(await threads.take(), first)
  await first.end(stopped)
})
test('one that ends while it stands by is given to nobody', async () => {
  await using threads = new Threads(1, never)
  const thread = await threads.take()
  threads.giveBack(thread)
  await thread.end(stopped)
  const next = await threads.take()
  assert.notEqual(next, thread)
  await next.end(stopped)
})
test('at the end those that stand by are ended, and those that come back later', async () => {
  const threads = new Threads(2, never)
  const [first, second] = await Promise.all([threads.take(), threads.take()])
  threads.giveBack(first)
  await threads[Symbol.asyncDispose]()
  threads.giveBack(second)
  assert.deepEqual([first.isOver, second.isOver], [true, true])
})
test('those that are started at once are the first that are taken; at the end the others are ended', async (t) => {
  const start = t.mock.method(PolicyThread, 'start')
  const threads = new Threads(0, never, 2)
  const taken = await threads.take()
  assert.equal(start.mock.callCount(), 2)
  await threads[Symbol.asyncDispose]()
  const [other, first] = await Promise.all(start.mock.calls.map(({ result }) => result))
  assert.deepEqual([first === taken, taken.isOver, other?.isOver], [true, false, true])
  await taken.end(stopped)
})
test('one of them that cannot be started is a fault for who takes it', async (t) => {
  t.mock.method(PolicyThread, 'start', () => Promise.reject(stopped))
  await using threads = new Threads(0, never, 1)
  await new Promise((resolve) => setImmediate(resolve))
  await assert.rejects(threads.take(), stopped)
})
test('those that were taken are replaced by and by, and whoever comes then waits for none', async (t) => {
  const start = t.mock.method(PolicyThread, 'start')
  await using threads = new Threads(2, 10 as Milliseconds)
  const taken = await Promise.all([threads.take(), threads.take()])
  while (start.mock.callCount() < 4) await new Promise((resolve) => setTimeout(resolve, 5))
  await Promise.all(start.mock.calls.map(({ result }) => result))
  taken.push(...(await Promise.all([threads.take(), threads.take()])))
  assert.equal(start.mock.callCount(), 4)
  await Promise.all(taken.map((thread) => thread.end(stopped)))
})

test('what a thread says is heard for all, whoever had it started', async () => {
  const owners = new AsyncLocalStorage<object>()
  const heard: (object | undefined)[] = []
  process.once('worker', (worker: Worker) => worker.once('message', () => heard.push(owners.getStore())))
  const thread = await owners.run({}, () => PolicyThread.start())
  await thread.end(stopped)
  assert.deepEqual(heard, [undefined])
})
