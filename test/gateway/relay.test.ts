import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permit } from '../../src/enforcement/permit.ts'
import { relay } from '../../src/gateway/relay.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { MSG } from '../../src/ssh/messages.ts'
import { harmless } from '../../src/ssh/sftp-request.ts'
import { aCertificate, at } from '../support/certificate.ts'
import { asksPlace, init, place, reply, request, versionReply } from '../support/sftp.ts'

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
      acknowledge: () => send(Buffer.of(2)),
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
    /** The messages themselves. */
    mail: (side: 'client' | 'target') => arrived[side].splice(0),
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

// sftp

const bytes = (recipient: number, content: Buffer) => wire(MSG.channelData, { uint32: recipient }, content)
const sftp = wire(MSG.channelRequest, { uint32: 7 }, 'subsystem', { boolean: false }, 'sftp')
/** A session, 3 of the client's and 7 of the target's, in which sftp has greeted. */
function sftpSession(extensions: object): Between {
  const relayed = between(whole(extensions))
  relayed.from('client', open('session', 3))
  relayed.from('target', confirm(3, 7))
  relayed.from('client', sftp)
  relayed.from('client', bytes(7, init()))
  relayed.from('target', bytes(3, Buffer.concat([versionReply(), place('/home')])))
  for (const side of ['client', 'target'] as const) relayed.news(side)
  return relayed
}

test('sftp: the gateway’s own question takes nothing of the client’s window, and its answer nothing of the target’s', () => {
  const relayed = between(whole({ 'permit-sftp@regate': 'read' }))
  relayed.from('client', open('session', 3))
  relayed.from('target', confirm(3, 7))
  assert.deepEqual(
    relayed.mail('client').map((message) => message.readUInt32BE(9)),
    [100_000 - asksPlace.length],
  )
  relayed.from('client', sftp)
  relayed.mail('target')
  relayed.from('client', bytes(7, init()))
  const sent = relayed.mail('target').map((message) => message.subarray(9))
  assert.deepEqual(Buffer.concat(sent), Buffer.concat([init(), asksPlace]))
  relayed.from('target', bytes(3, versionReply()))
  assert.deepEqual(relayed.mail('client'), [])
  relayed.from('target', bytes(3, place('/home')))
  assert.deepEqual(relayed.mail('client'), [bytes(3, versionReply())])
  const given = wire(MSG.channelWindowAdjust, { uint32: 7 }, { uint32: place('/home').length })
  assert.deepEqual(relayed.mail('target'), [given])
})
test('sftp: a target that takes no data is asked nothing', () => {
  const relayed = between(whole({ 'permit-sftp@regate': 'read' }))
  relayed.from('client', open('session', 3))
  relayed.from(
    'target',
    wire(MSG.channelOpenConfirmation, { uint32: 3 }, { uint32: 7 }, { uint32: 9 }, { uint32: 32_768 }),
  )
  relayed.from('client', sftp)
  relayed.mail('target')
  relayed.from('client', bytes(7, init()))
  assert.deepEqual(relayed.news('target'), [MSG.channelClose])
})
test('sftp: what is refused is given back to the window of who sent it, and answered', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  const write = request.write(1, 'h', Buffer.alloc(1_000))
  relayed.from('client', bytes(7, write))
  assert.deepEqual(relayed.mail('target'), [bytes(7, harmless(1))])
  const given = write.length - harmless(1).length
  assert.deepEqual(relayed.mail('client'), [wire(MSG.channelWindowAdjust, { uint32: 3 }, { uint32: given })])
  relayed.from('target', bytes(3, reply.status(1, 2, 'No such file')))
  assert.deepEqual(relayed.mail('client'), [bytes(3, reply.status(1, 3, 'refused     '))])
})
test('sftp: and may be sent again without end', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  for (let count = 0; count < 1_000; count++) {
    relayed.from('client', bytes(7, request.write(1, 'h', Buffer.alloc(10_000)))) // the window has 100,000
    relayed.from('target', bytes(3, reply.status(1, 2, 'No such file')))
    relayed.from('client', wire(MSG.channelWindowAdjust, { uint32: 7 }, { uint32: 33 }))
    relayed.from('target', wire(MSG.channelWindowAdjust, { uint32: 3 }, { uint32: 13 }))
  }
})
test('sftp: what is none closes the channel, and no other', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read', ...exec })
  relayed.from('client', bytes(7, Buffer.from('rm -rf /\n')))
  assert.deepEqual(relayed.news('client'), [MSG.channelExtendedData, MSG.channelClose])
  assert.deepEqual(relayed.news('target'), [MSG.channelClose])
  relayed.from('client', open('session', 4))
  assert.deepEqual(relayed.news('target'), [MSG.channelOpen])
})
test('sftp: also when it is the target’s', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  relayed.from('target', bytes(3, reply.status(77, 0, '')))
  assert.deepEqual(relayed.news('client'), [MSG.channelExtendedData, MSG.channelClose])
})
test('sftp: the target’s stderr passes', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  relayed.from('target', wire(MSG.channelExtendedData, { uint32: 3 }, { uint32: 1 }, 'text'))
  assert.deepEqual(relayed.news('client'), [MSG.channelExtendedData])
})
test('sftp: what was sent before it was asked for would have passed unread: the channel is closed', () => {
  const relayed = between(whole({ 'permit-sftp@regate': 'read' }))
  relayed.from('client', open('session', 3))
  relayed.from('target', confirm(3, 7))
  relayed.from('client', bytes(7, Buffer.concat([init(), request.remove(1, '/a')])))
  relayed.news('target')
  relayed.from('client', sftp)
  assert.deepEqual(relayed.news('target'), [MSG.channelClose])
})
test('sftp: asked for again, it goes on being looked into', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  relayed.from('client', sftp)
  relayed.news('target')
  relayed.from('client', bytes(7, request.remove(1, '/a')))
  assert.deepEqual(relayed.mail('target'), [bytes(7, harmless(1))])
})
test('sftp: a narrower certificate refuses what the one before would have permitted', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'write' })
  relayed.from('client', bytes(7, request.remove(1, '/a')))
  relayed.narrow(whole({ 'permit-sftp@regate': 'read' }))
  relayed.from('client', bytes(7, request.remove(2, '/a')))
  assert.deepEqual(relayed.mail('target'), [bytes(7, request.remove(1, '/a')), bytes(7, harmless(2))])
  assert.deepEqual(relayed.witnessed.slice(-1), ['refused sftp remove /a by permit-sftp@regate'])
})
test('sftp: one without it closes the channel', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'write' })
  relayed.narrow(whole(exec))
  assert.deepEqual(relayed.news('target'), [MSG.channelClose])
})
test('sftp: one that looks into it closes a channel that nobody looked into', () => {
  const relayed = sftpSession({ 'permit-subsystem@regate': ['sftp'] })
  relayed.from('client', bytes(7, request.remove(1, '/a')))
  assert.deepEqual(relayed.mail('target'), [bytes(7, request.remove(1, '/a'))])
  relayed.narrow(whole({ 'permit-subsystem@regate': ['sftp'], 'permit-sftp@regate': 'write' }))
  assert.deepEqual(relayed.news('target'), [MSG.channelClose])
})
test('sftp: a wider one opens all of it', () => {
  const relayed = sftpSession({ 'permit-sftp@regate': 'read' })
  relayed.narrow(whole({ 'permit-subsystem@regate': ['sftp'] }))
  relayed.from('client', bytes(7, request.remove(1, '/a')))
  assert.deepEqual(relayed.mail('target'), [bytes(7, request.remove(1, '/a'))])
})

test('what a target says that goes no further is acknowledged at once: sshd holds back its next message until then', () => {
  const relayed = between(whole(exec))
  relayed.from('target', wire(MSG.globalRequest, 'hostkeys-00@openssh.com', { boolean: false }, 'key'))
  assert.deepEqual([relayed.news('client'), relayed.news('target')], [[], [2]])
})
