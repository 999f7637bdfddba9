import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { Channel, outstandingMost } from '../../src/workers/channel.ts'

type Asks = { readonly double: [number, number]; readonly fail: [string, number]; readonly wait: [undefined, number] }
type Says = { readonly note: string }
type None = Readonly<Record<never, never>>

/** An asking end and an answering one; what goes between them is a copy, as between processes. */
function aPair() {
  const heard: string[] = []
  const answers = Promise.withResolvers<number>()
  const copy = <T>(message: T): T => structuredClone(message)
  const asking: Channel<Asks, Says, None, None> = new Channel<Asks, Says, None, None>(
    { send: (message) => void queueMicrotask(() => answering.hear(copy(message))) },
    { asked: {}, said: {} },
  )
  const answering: Channel<None, None, Asks, Says> = new Channel<None, None, Asks, Says>(
    { send: (message) => void queueMicrotask(() => asking.hear(copy(message))) },
    {
      asked: {
        double: (number) => number * 2,
        fail: (how) => {
          throw how === 'ours' ? new GatewayError('STORE_UNAVAILABLE', 'no answer') : new Error(how)
        },
        wait: () => answers.promise,
      },
      said: { note: (text) => heard.push(text) },
    },
  )
  return { asking, answering, heard, answers }
}

test('each question gets its own answer, whichever comes first', async () => {
  const { asking, answers } = aPair()
  const [late, soon] = [asking.ask('wait', undefined), asking.ask('double', 4)]
  assert.equal(await soon, 8)
  answers.resolve(1)
  assert.equal(await late, 1)
})
test('a fault goes over with its code; one that is none of ours is INTERNAL', async () => {
  const { asking } = aPair()
  await assert.rejects(asking.ask('fail', 'ours'), { code: 'STORE_UNAVAILABLE', message: 'no answer' })
  await assert.rejects(asking.ask('fail', 'theirs'), { code: 'INTERNAL', message: 'fail: theirs' })
})
test('what is not known is refused, and what is said and not known is passed over', async () => {
  const { asking } = aPair()
  await assert.rejects(asking.ask('never' as 'double', 1), { code: 'INTERNAL', message: 'never: no such question' })
  asking.say('never' as 'note', '')
  assert.equal(await asking.ask('double', 1), 2)
})
test('what is said is heard in order, and before what is asked after it', async () => {
  const { asking, heard } = aPair()
  for (const text of ['a', 'b']) asking.say('note', text)
  await asking.ask('double', 1)
  assert.deepEqual(heard, ['a', 'b'])
})
test('when the other end is gone every question fails, those to come too, and nothing more goes out', async () => {
  const { asking, heard } = aPair()
  const asked = asking.ask('wait', undefined)
  asking.close('gone')
  await assert.rejects(asked, { code: 'INTERNAL', message: 'gone' })
  await assert.rejects(asking.ask('double', 1), { message: 'gone' })
  const faults: (Error | null)[] = []
  asking.say('note', 'late', undefined, (fault) => faults.push(fault))
  assert.deepEqual([heard, faults.map((fault) => fault?.message)], [[], ['gone']])
})
test('of who is gone nothing is heard any more', async () => {
  const { answering, heard } = aPair()
  answering.close('gone')
  answering.hear({ say: 'note', details: 'late' })
  assert.deepEqual(heard, [])
})
test('an answer that nobody waits for changes nothing', () => {
  const { asking } = aPair()
  for (const message of [
    { answer: 7, details: 1 },
    { refused: 8, code: 'INTERNAL', message: '' },
  ])
    asking.hear(message)
})
test('questions without an answer are bounded', async () => {
  const asking = new Channel<Asks, Says, None, None>({ send() {} }, { asked: {}, said: {} })
  const asked = Array.from({ length: outstandingMost }, () => asking.ask('double', 1))
  await assert.rejects(asking.ask('double', 1), { code: 'INTERNAL' })
  asking.close('over')
  const settled = await Promise.allSettled(asked)
  assert.ok(settled.every(({ status }) => status === 'rejected'))
})
