import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Replies } from '../../src/gateway/replies.ts'

function collect(most = 8) {
  const sent: string[] = []
  const replies = new Replies<string>(most, (reply) => sent.push(reply.toString()))
  return { sent, replies }
}
const bytes = (text: string): Buffer => Buffer.from(text)

test('a refusal waits for the reply to the request before it', () => {
  const { sent, replies } = collect()
  replies.passed('first')
  replies.refused(bytes('no'))
  assert.deepEqual(sent, [])
  assert.equal(replies.answered(bytes('yes')), 'first')
  assert.deepEqual(sent, ['yes', 'no'])
})
test('a reply waits for a refusal that is held back', async () => {
  const { sent, replies } = collect()
  replies.refused(bytes('no'), 20)
  replies.passed('second')
  const packet = bytes('yes')
  replies.answered(packet)
  packet.fill(0) // the packet it came in is used again
  assert.deepEqual(sent, [])
  while (sent.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(sent, ['no', 'yes'])
})
test('replies belong to requests in their order', () => {
  const { replies } = collect()
  replies.passed('a')
  replies.passed('b')
  assert.deepEqual([replies.answered(bytes('1')), replies.answered(bytes('2'))], ['a', 'b'])
})
test('a reply to nothing is a violation', () => {
  const { replies } = collect()
  assert.throws(() => replies.answered(bytes('yes')), { code: 'PROTOCOL_ERROR' })
  replies.refused(bytes('no'))
  assert.throws(() => replies.answered(bytes('yes')), { code: 'PROTOCOL_ERROR' })
})
test('what is unanswered is bounded', () => {
  const { replies } = collect(2)
  replies.passed('a')
  replies.passed('b')
  assert.throws(() => replies.passed('c'), { code: 'RELAY_LIMIT' })
})
