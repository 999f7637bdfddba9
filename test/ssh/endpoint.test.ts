import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { type Part, wire } from '../../src/model/wire.ts'
import type { ChannelEnd } from '../../src/ssh/channel-end.ts'
import { Endpoint, type Opening } from '../../src/ssh/endpoint.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { MSG, openFailureReason } from '../../src/ssh/messages.ts'

/** A connection whose peer is the test: what was sent to it, message by message. */
function ending(window: number, packetMost = 100) {
  const sent: Buffer[] = []
  const over = new AbortController()
  let take: (message: Buffer) => void = () => {}
  let room = true
  const waiting: (() => void)[] = []
  const send = (message: Uint8Array): void => void sent.push(Buffer.from(message))
  const leg = {
    signal: over.signal,
    send,
    answer: send,
    get hasRoom() {
      return room
    },
    whenRoom: (go: () => void) => waiting.push(go),
    relay: (taker: typeof take) => (take = taker),
  }
  const begun: ChannelEnd[] = []
  const taken: Opening = {
    outcome: 'taken',
    window,
    packetMost,
    begin(channel) {
      channel.requested = ({ name }) => name === 'shell'
      begun.push(channel)
    },
  }
  const prohibited = { outcome: 'refused', reason: openFailureReason.prohibited, text: 'not here' } as const
  const endpoint = new Endpoint(leg as unknown as Leg, 2, ({ type }) => (type === 'session' ? taken : prohibited))
  return {
    endpoint,
    begun,
    from: (message: Buffer) => take(message),
    news: () => sent.splice(0).map(named),
    setRoom(there: boolean) {
      room = there
      if (there) for (const go of waiting.splice(0)) go()
    },
    end: () => over.abort(),
    /** Opens a session, number 5 of the peer's, that may be sent so much. */
    session(theirs = 1_000): ChannelEnd {
      take(open('session', 5, theirs))
      sent.splice(0)
      const channel = begun.at(-1)
      assert.ok(channel)
      return channel
    },
  }
}

const numbers = Object.fromEntries(Object.entries(MSG).map(([name, number]) => [number, name]))
/** `channelData 5 hello`: the name, and what follows as far as it can be told. */
function named(message: Buffer): string {
  const name = numbers[message[0] ?? 0] ?? '?'
  const rest = message.subarray(1)
  if (name === 'channelData') return `${name} ${rest.readUInt32BE(0)} ${rest.subarray(8)}`
  if (name === 'channelExtendedData') return `${name} ${rest.readUInt32BE(0)} ${rest.subarray(12)}`
  if (name === 'channelWindowAdjust') return `${name} ${rest.readUInt32BE(0)} ${rest.readUInt32BE(4)}`
  if (name === 'channelRequest') return `${name} ${rest.readUInt32BE(0)} ${rest.subarray(8, -5)} ${rest.at(-1)}`
  return rest.length < 4 ? name : `${name} ${rest.readUInt32BE(0)}`
}

const open = (type: string, sender: number, window = 1_000, packetMost = 100) =>
  wire(MSG.channelOpen, type, { uint32: sender }, { uint32: window }, { uint32: packetMost })
const data = (recipient: number, bytes: string | Buffer) => wire(MSG.channelData, { uint32: recipient }, bytes)
const adjust = (recipient: number, bytes: number) =>
  wire(MSG.channelWindowAdjust, { uint32: recipient }, { uint32: bytes })
const about = (number: number, recipient: number) => wire(number, { uint32: recipient })
const request = (recipient: number, name: string, wantReply: boolean, ...details: Part[]) =>
  wire(MSG.channelRequest, { uint32: recipient }, name, { boolean: wantReply }, ...details)

test('what is written arrives, stderr too, then the exit status, the end of data and the close', async () => {
  const here = ending(1_000)
  const channel = here.session()
  channel.write('out')
  channel.stderr.write('err')
  channel.exit(3)
  await turn()
  assert.deepEqual(here.news(), [
    'channelData 5 out',
    'channelExtendedData 5 err',
    'channelRequest 5 exit-status 3',
    'channelEof 5',
    'channelClose 5',
  ])
})

test('no more is sent than the peer has allowed, nor in larger packets than it takes', async () => {
  const here = ending(1_000)
  const channel = here.session(130)
  channel.write('a'.repeat(250))
  const lengths = (): number[] => here.news().map((line) => (line.split(' ')[2] ?? '').length)
  assert.deepEqual(lengths(), [100, 30])
  here.from(adjust(0, 50))
  assert.deepEqual(lengths(), [50])
  here.from(adjust(0, 1_000))
  assert.deepEqual(lengths(), [70])
})

test('while the connection has no room for it nothing is sent', async () => {
  const here = ending(1_000)
  const channel = here.session()
  here.setRoom(false)
  channel.write('late')
  assert.deepEqual(here.news(), [])
  here.setRoom(true)
  assert.deepEqual(here.news(), ['channelData 5 late'])
})

test('what is not read is not granted anew; what is read is', async () => {
  const here = ending(10)
  const channel = here.session()
  channel.pause()
  here.from(data(0, '0123456789'))
  await turn()
  assert.deepEqual(here.news(), [])
  channel.resume()
  await turn()
  assert.deepEqual(here.news(), ['channelWindowAdjust 5 10'])
})

test('all that comes is read, whatever packets it comes in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 40 }), async (pieces) => {
      const here = ending(100_000, 1_000)
      const channel = here.session()
      for (const piece of pieces) {
        here.from(data(0, piece))
        if (piece.length % 3 === 0) await turn()
      }
      here.from(about(MSG.channelEof, 0))
      assert.equal(await text(channel), pieces.join(''))
    }),
    { numRuns: 50 },
  )
})

test('both directions having ended, it is closed', async () => {
  const here = ending(1_000)
  const channel = here.session()
  here.from(about(MSG.channelEof, 0))
  channel.resume()
  await turn()
  assert.deepEqual(here.news(), [], 'the peer has no more to say; there may be an answer')
  channel.end('answer')
  await turn()
  assert.deepEqual(here.news(), ['channelData 5 answer', 'channelEof 5', 'channelClose 5'])
  here.from(about(MSG.channelClose, 0))
  assert.deepEqual(here.endpoint.channels, [])
})

test('a close is answered by a close, once, and its number serves again', () => {
  const here = ending(1_000)
  here.session()
  here.from(about(MSG.channelClose, 0))
  here.from(open('session', 5))
  assert.deepEqual(here.news(), ['channelClose 5', 'channelOpenConfirmation 5'])
})

test('the peer is answered: what is known succeeds, what is not fails, and who asks for no reply gets none', () => {
  const here = ending(1_000)
  here.session()
  here.from(request(0, 'shell', true))
  here.from(request(0, 'x11-req', true))
  here.from(request(0, 'shell', false))
  here.from(wire(MSG.globalRequest, 'tcpip-forward', { boolean: true }, '', { uint32: 0 }))
  here.from(wire(MSG.globalRequest, 'tcpip-forward', { boolean: false }, '', { uint32: 0 }))
  assert.deepEqual(here.news(), ['channelSuccess 5', 'channelFailure 5', 'requestFailure'])
})

test('what it may not open it is refused', () => {
  const here = ending(1_000)
  here.from(open('direct-tcpip', 1))
  here.from(open('session', 1))
  here.from(open('session', 2))
  here.from(open('session', 3)) // two may be open
  assert.deepEqual(here.news(), [
    'channelOpenFailure 1',
    'channelOpenConfirmation 1',
    'channelOpenConfirmation 2',
    'channelOpenFailure 3',
  ])
})

test('who has asked for no more sessions gets none', () => {
  const here = ending(1_000)
  here.from(wire(MSG.globalRequest, 'no-more-sessions@openssh.com', { boolean: false }))
  here.from(open('session', 1))
  assert.deepEqual(here.news(), ['channelOpenFailure 1'])
})

test('when the connection is over its channels are', () => {
  const here = ending(1_000)
  const channel = here.session()
  here.end()
  assert.equal(channel.destroyed, true)
})

test('let go, it says nothing more, and how it stands is known', () => {
  const here = ending(1_000, 200)
  const channel = here.session(900)
  channel.write('x'.repeat(50))
  here.from(data(0, '0123456789'))
  here.news()
  const standing = here.endpoint.letGo(channel)
  assert.deepEqual(standing, {
    peer: 5,
    own: 0,
    fromPeer: { window: 990, packetMost: 200 },
    toPeer: { window: 850, packetMost: 100 },
  })
  assert.deepEqual(here.news(), [])
})

test('beside another channel it is not let go', () => {
  const here = ending(1_000)
  const channel = here.session()
  here.from(open('session', 6))
  assert.throws(() => here.endpoint.letGo(channel), /other channels are open/)
})

const cut: [rule: string, messages: Buffer[], what: RegExp][] = [
  ['more data than was allowed', [data(0, 'x'.repeat(60)), data(0, 'x'.repeat(60))], /where fewer were allowed/],
  ['a packet larger than was said', [data(0, 'x'.repeat(101))], /where fewer were allowed/],
  ['data after the end of data', [about(MSG.channelEof, 0), data(0, 'x')], /after the end of data/],
  ['a second end of data', [about(MSG.channelEof, 0), about(MSG.channelEof, 0)], /a second end/],
  ['a window larger than windows can be', [adjust(0, 0xffff_ffff)], /larger than windows can be/],
  ['a channel that is not open', [data(7, 'x')], /channel 7 is not open/],
  ['a channel after its close', [about(MSG.channelClose, 0), about(MSG.channelClose, 0)], /channel 0 is not open/],
  ['a number in use', [open('session', 5)], /channel 5 is in use/],
  ['a reply to nothing', [about(MSG.channelSuccess, 0)], /message 99/],
  ['a confirmation of nothing', [wire(MSG.channelOpenConfirmation, { raw: Buffer.alloc(16) })], /message 91/],
  ['a message cut short', [wire(MSG.channelData, { uint32: 0 }, { uint32: 9 })], /length|left/],
]
for (const [rule, messages, what] of cut)
  test(`${rule} ends the connection`, () => {
    const here = ending(100)
    here.session().pause()
    assert.throws(() => {
      for (const message of messages) here.from(message)
    }, what)
  })

test('a byte in a packet of its own costs no more than some bytes', () => {
  const window = 400_000
  const here = ending(window)
  here.session().pause()
  const one = data(0, 'x')
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  for (let count = 0; count < window; count++) here.from(one)
  assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024)
})
