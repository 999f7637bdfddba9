import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Replies } from '../../src/gateway/replies.ts'

function collect(most = 8) {
  const sent: string[] = []
  const granted: string[] = []
  const replies = new Replies(most, (reply) => sent.push(reply.toString()))
  const pass = (name: string): void => replies.passed((reply) => granted.push(`${name} ${reply}`))
  return { sent, granted, replies, pass }
}
const bytes = (text: string): Buffer => Buffer.from(text)
const delivered = async (sent: string[], count: number): Promise<void> => {
  while (sent.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('a refusal waits for the reply to the request before it', () => {
  const { sent, replies, pass } = collect()
  pass('first')
  replies.refused(bytes('no'))
  assert.deepEqual(sent, [])
  replies.answered(bytes('yes'), true)
  assert.deepEqual(sent, ['yes', 'no'])
})
test('a reply waits for a refusal that is held back', async () => {
  const { sent, replies, pass } = collect()
  replies.refused(bytes('no'), 20)
  pass('second')
  const packet = bytes('yes')
  replies.answered(packet, true)
  packet.fill(0) // the packet it came in is used again
  assert.deepEqual(sent, [])
  await delivered(sent, 2)
  assert.deepEqual(sent, ['no', 'yes'])
})
test('replies belong to requests in their order, and only a yes grants', () => {
  const { granted, replies, pass } = collect()
  pass('a')
  pass('b')
  pass('c')
  replies.answered(bytes('1'), true)
  replies.answered(bytes('2'), false)
  replies.answered(bytes('3'), true)
  assert.deepEqual(granted, ['a 1', 'c 3'])
})
test('a reply to nothing is a violation', () => {
  const { replies } = collect()
  assert.throws(() => replies.answered(bytes('yes'), true), { code: 'PROTOCOL_ERROR' })
  replies.refused(bytes('no'))
  assert.throws(() => replies.answered(bytes('yes'), true), { code: 'PROTOCOL_ERROR' })
})
test('what is unanswered is bounded', () => {
  const { pass } = collect(2)
  pass('a')
  pass('b')
  assert.throws(() => pass('c'), { code: 'RELAY_LIMIT' })
})
test('a refusal that is held back is not sent once the channel is gone', async () => {
  const gone = collect()
  const open = collect()
  gone.replies.refused(bytes('no'), 20)
  open.replies.refused(bytes('no'), 20)
  gone.replies.close()
  await delivered(open.sent, 1)
  assert.deepEqual(gone.sent, [])
})
