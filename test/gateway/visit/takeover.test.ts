import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { permit } from '../../../src/enforcement/permit.ts'
import { relay } from '../../../src/gateway/relay.ts'
import { Takeover } from '../../../src/gateway/visit/takeover.ts'
import type { GatewayError } from '../../../src/model/errors.ts'
import type { Milliseconds } from '../../../src/model/units.ts'
import { type Part, wire } from '../../../src/model/wire.ts'
import type { Leg } from '../../../src/ssh/leg.ts'
import { MSG } from '../../../src/ssh/messages.ts'
import { aCertificate, at } from '../../support/certificate.ts'

/*
 * A relay that begins when the client's channel is open already: number 5 of the client's, told as 2. The client may send
 * 100 bytes more, and be sent 1,000.
 */
function taken(extensions: object = { 'permit-pty': '', 'permit-shell@regate': '', 'permit-port-forwarding': '' }) {
  const arrived = { client: [] as Buffer[], target: [] as Buffer[] }
  const takers: Record<string, (message: Buffer) => void> = {}
  const ended: string[] = []
  const leg = (side: 'client' | 'target') => {
    const send = (message: Uint8Array): void => void arrived[side].push(Buffer.from(message))
    return {
      signal: new AbortController().signal,
      send,
      answer: send,
      pass: send,
      yieldTo() {},
      relay: (take: (message: Buffer) => void) => (takers[side] = take),
      disconnect: (_reason: number, _text: string, { code }: GatewayError) => ended.push(code),
      cut: ({ code }: GatewayError) => ended.push(code),
    } as unknown as Leg
  }
  const client = leg('client')
  const standing = {
    peer: 5,
    own: 2,
    fromPeer: { window: 100, packetMost: 100 },
    toPeer: { window: 1_000, packetMost: 500 },
  }
  const requests = [
    { name: 'pty-req', details: wire('xterm', { uint32: 80 }) },
    { name: 'shell', details: Buffer.alloc(0) },
  ]
  const before = new Takeover(
    client,
    () => standing,
    () => requests,
    60_000 as Milliseconds,
  )
  const certificate = aCertificate({ extensions })
  const witness = { opened() {}, refused() {}, exited() {}, closed() {} }
  const judge = {
    permit: (ask: Parameters<typeof permit>[1]) => permit(certificate, ask, at(1500)),
    environment: () => ({ ID: 'x' }),
  }
  relay(client, leg('target'), judge, witness, { channels: 4, unanswered: 8 }, before)
  return {
    ended,
    from: (side: 'client' | 'target', message: Buffer) => takers[side]?.(message),
    /** What has arrived: the number of the message, the first number in it, and the second where there is one. */
    news: (side: 'client' | 'target') =>
      arrived[side].splice(0).map((message) => [message[0], ...numbersOf(message)].join(' ')),
  }
}
function numbersOf(message: Buffer): (number | string)[] {
  if (message[0] === MSG.channelOpen) return [message.readUInt32BE(5 + message.readUInt32BE(1))]
  if (message[0] === MSG.channelRequest)
    return [message.readUInt32BE(1), message.subarray(9, 9 + message.readUInt32BE(5)).toString()]
  if (message[0] === MSG.channelWindowAdjust || message[0] === MSG.channelOpenConfirmation)
    return [message.readUInt32BE(1), message.readUInt32BE(5)]
  return message.length < 5 ? [] : [message.readUInt32BE(1)]
}

const confirm = (recipient: number, sender: number, window: number, packetMost = 32_768) =>
  wire(
    MSG.channelOpenConfirmation,
    { uint32: recipient },
    { uint32: sender },
    { uint32: window },
    { uint32: packetMost },
  )
const adjust = (recipient: number, bytes: number) =>
  wire(MSG.channelWindowAdjust, { uint32: recipient }, { uint32: bytes })
const about = (number: number, recipient: number) => wire(number, { uint32: recipient })
const data = (recipient: number, text: string) => wire(MSG.channelData, { uint32: recipient }, text)
const open = (type: string, sender: number, ...details: Part[]) =>
  wire(MSG.channelOpen, type, { uint32: sender }, { uint32: 9 }, { uint32: 9_999 }, ...details)

/** As sshd does it: no window at first, number 7, and then 2,000 bytes. */
async function begun() {
  const session = taken()
  assert.deepEqual(session.news('target'), ['90 5'])
  session.from('target', confirm(5, 7, 0))
  await turn()
  assert.deepEqual(session.news('target'), ['98 7 env', '98 7 pty-req', '98 7 shell'])
  session.from('target', about(MSG.channelSuccess, 5))
  session.from('target', adjust(5, 2_000))
  session.from('target', about(MSG.channelSuccess, 5))
  await turn()
  return session
}

test('what the client was promised already it does not hear again; the window it has is not granted twice, nor the relay’s own 14 bytes', async () => {
  const session = await begun()
  assert.deepEqual(session.news('client'), ['93 5 1886'])
})

test('from then on the channel has one number for the client and another for the target', async () => {
  const session = await begun()
  session.from('client', data(2, 'ls'))
  session.from('target', data(5, 'file'))
  assert.deepEqual([session.news('target'), session.news('client')], [['94 7'], ['93 5 1886', '94 5']])
})

test('a later channel to which the target gives the number that was told has the other one', async () => {
  const session = await begun()
  session.news('client')
  session.from('client', open('direct-tcpip', 6, 'h', { uint32: 1 }, 'h', { uint32: 1 }))
  session.from('target', confirm(6, 2, 100))
  session.from('client', data(7, 'to the forward'))
  session.from('client', data(2, 'to the shell'))
  assert.deepEqual(session.news('client'), ['91 6 7'])
  assert.deepEqual(session.news('target'), ['90 6', '94 2', '94 7'])
})

test('what the client says before the target has granted anything waits, and then goes', async () => {
  const session = taken()
  session.from('target', confirm(5, 7, 0))
  await turn()
  session.from('client', data(2, 'x'.repeat(100)))
  for (const _ of ['pty-req', 'shell']) session.from('target', about(MSG.channelSuccess, 5))
  await turn()
  assert.deepEqual(session.news('target').slice(-1), ['98 7 shell'])
  session.from('target', adjust(5, 99))
  await turn()
  assert.deepEqual(session.news('target'), [], 'it is a byte more than was granted')
  session.from('target', adjust(5, 1))
  await turn()
  assert.deepEqual([session.news('target'), session.news('client')], [['94 7'], []])
})

test('a window from the start is told as far as the client has not got it', async () => {
  const session = taken()
  session.from('target', confirm(5, 7, 5_000))
  assert.deepEqual(session.news('client'), ['93 5 4886'])
})

test('who says too much before it has begun is cut', async () => {
  const session = taken()
  assert.throws(() => {
    for (let count = 0; count < 300; count++) session.from('client', adjust(2, 1))
  }, /too much before/)
})

test('in few messages as well as in many', async () => {
  const session = taken()
  const large = wire(MSG.channelRequest, { uint32: 2 }, 'env', { boolean: false }, 'LC_X', 'x'.repeat(250_000))
  assert.throws(() => session.from('client', large), /too much before/)
})

test('a certificate that opens no terminal ends it, and the target is not asked', async () => {
  const session = taken({ 'permit-shell@regate': '' })
  session.from('target', confirm(5, 7, 5_000))
  await turn()
  assert.deepEqual(session.ended, ['TARGET_REFUSED'])
  assert.ok(!session.news('target').includes('98 7 pty-req'))
})

const failing: [rule: string, answer: Buffer, code: string][] = [
  [
    'a target that opens no session',
    wire(MSG.channelOpenFailure, { uint32: 5 }, { uint32: 1 }, 'no', ''),
    'TARGET_REFUSED',
  ],
  ['one that takes no packets as large as the client sends', confirm(5, 7, 5_000, 50), 'TARGET_PROTOCOL'],
]
for (const [rule, answer, code] of failing)
  test(`${rule} ends it`, () => {
    const session = taken()
    session.from('target', answer)
    assert.deepEqual(session.ended, [code])
  })
