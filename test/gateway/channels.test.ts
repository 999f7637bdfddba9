import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channel } from '../../src/gateway/channel.ts'
import { Channels } from '../../src/gateway/channels.ts'
import { Replies } from '../../src/gateway/replies.ts'
import type { ChannelOpen } from '../../src/ssh/messages.ts'

const anOpen = (sender: number, type = 'session'): ChannelOpen => ({
  type,
  sender,
  window: 100,
  packetMost: 100,
  details: Buffer.alloc(0),
})
const asked = (channels: Channels, number: number, type = 'session'): void =>
  channels.asked('client', { open: anOpen(number, type), end: { number, window: 100 } })
function aChannel(client: number, target: number, type = 'session'): Channel {
  const replies = new Replies(8, () => {})
  return new Channel(
    type,
    { number: client, window: 100 },
    { number: target, window: 100 },
    {
      client: replies,
      target: replies,
    },
  )
}

test('a number names a channel of the side that receives it', () => {
  const channels = new Channels()
  const channel = aChannel(3, 7)
  channels.opened(channel)
  assert.equal(channels.of('client', 7), channel)
  assert.equal(channels.of('target', 3), channel)
  assert.throws(() => channels.of('client', 3), { code: 'PROTOCOL_ERROR' })
})
test('a number that is open or being opened is not free, for that side', () => {
  const channels = new Channels()
  asked(channels, 3)
  assert.throws(() => channels.mustBeFree('client', 3), { code: 'PROTOCOL_ERROR' })
  channels.mustBeFree('target', 3)
  channels.answered('target', 3)
  channels.mustBeFree('client', 3)
  channels.opened(aChannel(3, 7))
  assert.throws(() => channels.mustBeFree('client', 3), { code: 'PROTOCOL_ERROR' })
  assert.throws(() => channels.mustBeFree('target', 7), { code: 'PROTOCOL_ERROR' })
})
test('only what was asked is answered, once, and by the other side', () => {
  const channels = new Channels()
  asked(channels, 3)
  assert.throws(() => channels.answered('client', 3), { code: 'PROTOCOL_ERROR' })
  channels.answered('target', 3)
  assert.throws(() => channels.answered('target', 3), { code: 'PROTOCOL_ERROR' })
})
test('sessions count from when they are asked for, other channels never', () => {
  const channels = new Channels()
  asked(channels, 1)
  asked(channels, 2, 'direct-tcpip')
  channels.opened(aChannel(3, 7))
  channels.opened(aChannel(4, 8, 'direct-tcpip'))
  assert.deepEqual([channels.size, channels.sessions], [4, 2])
})
test('what has closed is gone on both sides', () => {
  const channels = new Channels()
  const channel = aChannel(3, 7)
  channels.opened(channel)
  channels.closed(channel)
  assert.equal(channels.find('client', 7), undefined)
  assert.equal(channels.find('target', 3), undefined)
  assert.deepEqual([channels.size, channels.all()], [0, []])
})
test('they are told in the order in which they were opened', () => {
  const channels = new Channels()
  const all = [aChannel(9, 1), aChannel(2, 5), aChannel(4, 3)]
  for (const channel of all) channels.opened(channel)
  assert.deepEqual(channels.all(), all)
})
