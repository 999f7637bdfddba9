import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channel, packetMost, reserveOf } from '../../src/gateway/channel.ts'
import { Replies } from '../../src/gateway/replies.ts'

const replies = { client: new Replies(1, () => {}), target: new Replies(1, () => {}) }
const channel = (type: string, clientWindow: number, targetWindow: number): Channel =>
  new Channel(type, { number: 0, window: clientWindow }, { number: 7, window: targetWindow }, replies)
const exceeded = { code: 'WINDOW_EXCEEDED' }

test('a side may send what the other allowed, to the byte', () => {
  const one = channel('direct-tcpip', 100, 200)
  one.sent('client', 200)
  one.sent('target', 100)
  assert.throws(() => one.sent('client', 1), exceeded)
  assert.throws(() => one.sent('target', 1), exceeded)
})
test('and more once it is allowed more', () => {
  const one = channel('direct-tcpip', 100, 0)
  assert.equal(one.granted('target', 50), 50)
  one.sent('client', 50)
  assert.throws(() => one.sent('client', 1), exceeded)
})
test('a packet of data has a size', () => {
  assert.throws(() => channel('direct-tcpip', 1e6, 1e6).sent('client', packetMost + 1), exceeded)
})
test('a window does not grow beyond a uint32', () => {
  const one = channel('direct-tcpip', 100, 0xffff_ffff)
  assert.throws(() => one.granted('target', 1), exceeded)
})
test('nothing is sent after the end of data', () => {
  const one = channel('direct-tcpip', 100, 100)
  one.ended('client')
  assert.throws(() => one.sent('client', 1), { code: 'PROTOCOL_ERROR' })
  one.sent('target', 1)
  assert.throws(() => one.ended('client'), { code: 'PROTOCOL_ERROR' })
})
test('it ends when both have closed it, and each does once', () => {
  const one = channel('direct-tcpip', 100, 100)
  assert.equal(one.closed('target'), false)
  assert.throws(() => one.closed('target'), { code: 'PROTOCOL_ERROR' })
  assert.equal(one.closed('client'), true)
})
test('a part of a session’s window is kept for the gateway’s own lines', () => {
  const window = 2_097_152
  const one = channel('session', window, 100)
  const reserve = reserveOf('session', window)
  const rest = window - reserve
  for (let sent = 0; sent < rest; sent += packetMost) one.sent('target', Math.min(packetMost, rest - sent))
  assert.throws(() => one.sent('target', 1), exceeded)
  assert.equal(one.spend(reserve), true)
  assert.equal(one.spend(1), false)
})
test('what was spent of it is filled from what the client allows next', () => {
  const one = channel('session', 2_097_152, 100)
  assert.equal(one.spend(100), true)
  assert.equal(one.granted('client', 60), 0)
  assert.equal(one.granted('client', 60), 20)
  assert.equal(one.granted('client', 60), 60)
})
test('a small window is passed on whole', () => assert.equal(reserveOf('session', 1000), 0))

test('of a session’s window at the target 14 bytes are withheld, for one question of the gateway’s', () => {
  const one = channel('session', 100, 2_000)
  assert.equal(one.told('target', 2_000), 1_986)
  one.sent('client', 1_986)
  assert.throws(() => one.sent('client', 1), exceeded)
  assert.equal(one.mayAsk(15), false)
})
test('it is asked once', () => {
  const one = channel('session', 100, 2_000)
  assert.equal(one.mayAsk(14), true)
  assert.equal(one.mayAsk(14), false)
})
test('where there is no window at first, of what is granted next', () => {
  const one = channel('session', 100, 0)
  assert.equal(one.mayAsk(14), false)
  const other = channel('session', 100, 0)
  assert.equal(other.granted('target', 2_000), 1_986)
  assert.equal(other.granted('target', 2_000), 2_000)
  assert.equal(other.mayAsk(14), true)
})
test('of a forward’s window nothing is', () => {
  const one = channel('direct-tcpip', 100, 2_000)
  assert.equal(one.told('target', 2_000), 2_000)
  assert.equal(one.granted('target', 2_000), 2_000)
})
test('what goes nowhere may be sent again', () => {
  const one = channel('direct-tcpip', 100, 200)
  one.sent('client', 200)
  one.returned('client', 50)
  one.sent('client', 50)
  assert.throws(() => one.sent('client', 1), exceeded)
})
