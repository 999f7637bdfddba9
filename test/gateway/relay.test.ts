import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permit } from '../../src/enforcement/permit.ts'
import { relay } from '../../src/gateway/relay.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { MSG } from '../../src/ssh/messages.ts'
import { aCertificate, at } from '../support/certificate.ts'

/*
 * A relay between two legs that are lists: what has arrived where, message by message.
 */
function between(first: Certificate) {
  let certificate = first
  const arrived = { client: [] as Buffer[], target: [] as Buffer[] }
  const takers: Record<string, (message: Buffer) => void> = {}
  const leg = (side: 'client' | 'target') => {
    const send = (message: Uint8Array): void => void arrived[side].push(Buffer.from(message))
    return {
      send,
      answer: send,
      pass: send,
      yieldTo() {},
      relay: (take: (message: Buffer) => void) => (takers[side] = take),
    }
  }
  const witnessed: string[] = []
  const relayed = relay(
    leg('client') as unknown as Leg,
    leg('target') as unknown as Leg,
    { permit: (ask) => permit(certificate, ask, at(1500)), environment: () => ({}) },
    {
      opened: (what) => witnessed.push(`opened ${what}`),
      refused: (what, { field }) => witnessed.push(`refused ${what} by ${field}`),
      exited: () => {},
      closed: (channel) => witnessed.push(`closed ${channel}`),
    },
    { channels: 4, unanswered: 8 },
  )
  return {
    witnessed,
    from: (side: 'client' | 'target', message: Buffer) => takers[side]?.(message),
    /** The numbers of the messages that have arrived at a side since it was last looked. */
    news: (side: 'client' | 'target') => arrived[side].splice(0).map(([number]) => number),
    narrow(to: Certificate) {
      certificate = to
      relayed.narrow()
    },
  }
}
type Between = ReturnType<typeof between>

const exec = { 'permit-exec@regate': ['*'] }
const whole = (extensions: object) => aCertificate({ extensions })
const open = (type: string, sender: number, ...details: Part[]) =>
  wire(MSG.channelOpen, type, { uint32: sender }, { uint32: 100_000 }, { uint32: 32_768 }, ...details)
const confirm = (recipient: number, sender: number) =>
  wire(MSG.channelOpenConfirmation, { uint32: recipient }, { uint32: sender }, { uint32: 100_000 }, { uint32: 32_768 })
const close = (recipient: number) => wire(MSG.channelClose, { uint32: recipient })
const data = (recipient: number) => wire(MSG.channelData, { uint32: recipient }, 'x')
const tcpip = ['127.0.0.1', { uint32: 5432 }, '127.0.0.1', { uint32: 1 }] as const

/** A forward, number 3 of the client's and 7 of the target's, that a narrower certificate has shut. */
function shut(): Between {
  const relayed = between(whole({ ...exec, 'permit-port-forwarding': '' }))
  relayed.from('client', open('direct-tcpip', 3, ...tcpip))
  relayed.from('target', confirm(3, 7))
  for (const side of ['client', 'target'] as const) relayed.news(side)
  relayed.narrow(whole(exec))
  return relayed
}

test('a channel that is no longer permitted is closed at both ends, and what comes of it goes nowhere', () => {
  const relayed = shut()
  assert.deepEqual([relayed.news('client'), relayed.news('target')], [[MSG.channelClose], [MSG.channelClose]])
  relayed.from('client', data(7))
  relayed.from('target', data(3))
  relayed.from('client', close(7))
  relayed.from('target', close(3))
  assert.deepEqual([relayed.news('client'), relayed.news('target')], [[], []])
  assert.deepEqual(relayed.witnessed.slice(1), [
    'refused channel direct-tcpip, that was open by permit-port-forwarding',
    'closed 3',
  ])
  assert.throws(() => relayed.from('client', data(7)), { code: 'PROTOCOL_ERROR' })
})
test('its number serves a new channel of the client only once the target has let go of it', () => {
  const relayed = shut()
  relayed.from('client', close(7))
  relayed.news('target')
  relayed.from('client', open('session', 3))
  assert.deepEqual(relayed.news('target'), [])
  relayed.from('target', data(3)) // still the old one
  relayed.from('target', close(3))
  assert.deepEqual(relayed.news('target'), [MSG.channelOpen])
  relayed.from('target', confirm(3, 8))
  relayed.from('target', data(3))
  assert.deepEqual(relayed.news('client').slice(1), [MSG.channelOpenConfirmation, MSG.channelData])
})
test('one channel waits so, and no more', () => {
  const relayed = shut()
  relayed.from('client', close(7))
  relayed.from('client', open('session', 3))
  assert.throws(() => relayed.from('client', open('session', 3)), { code: 'PROTOCOL_ERROR' })
})
test('a number that is in use is not waited for', () => {
  const relayed = shut()
  assert.throws(() => relayed.from('client', open('session', 3)), { code: 'PROTOCOL_ERROR' })
})
test('what was being opened when the certificate became narrower is closed as soon as it is open', () => {
  const relayed = between(whole({ 'permit-port-forwarding': '' }))
  relayed.from('client', open('direct-tcpip', 3, ...tcpip))
  relayed.narrow(whole({}))
  relayed.from('target', confirm(3, 7))
  assert.deepEqual(relayed.news('client'), [MSG.channelOpenConfirmation, MSG.channelClose])
  assert.deepEqual(relayed.news('target'), [MSG.channelOpen, MSG.channelClose])
})
const listen = (wantReply: boolean) =>
  wire(MSG.globalRequest, 'tcpip-forward', { boolean: wantReply }, 'localhost', { uint32: 8_022 })
test('a listener that is no longer permitted is cancelled at the target', () => {
  const relayed = between(whole({ 'permit-port-forwarding': '' }))
  relayed.from('client', listen(false))
  relayed.news('target')
  relayed.narrow(whole({}))
  assert.deepEqual(relayed.news('target'), [MSG.globalRequest])
  relayed.from('target', open('forwarded-tcpip', 1, 'localhost', { uint32: 8_022 }, '127.0.0.1', { uint32: 9 }))
  assert.deepEqual(relayed.news('target'), [MSG.channelOpenFailure])
})
test('also one that the target grants after the certificate became narrower', () => {
  const relayed = between(whole({ 'permit-port-forwarding': '' }))
  relayed.from('client', listen(true))
  relayed.news('target')
  relayed.narrow(whole({}))
  relayed.from('target', wire(MSG.requestSuccess))
  assert.deepEqual(relayed.news('target'), [MSG.globalRequest])
  assert.deepEqual(relayed.news('client'), [MSG.requestSuccess])
})

test('a session is asked to run something a few times, and no more', () => {
  const relayed = between(whole(exec))
  relayed.from('client', open('session', 3))
  relayed.from('target', confirm(3, 7))
  relayed.news('target')
  const run = wire(MSG.channelRequest, { uint32: 7 }, 'exec', { boolean: false }, 'id')
  for (let count = 0; count < 20; count++) relayed.from('client', run)
  assert.equal(relayed.news('target').length, 3) // the channel itself is the first of four
  assert.ok(relayed.witnessed.includes('refused request exec by undefined'))
})
