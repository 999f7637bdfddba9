import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permit } from '../../src/enforcement/permit.ts'
import { Channels } from '../../src/gateway/channels.ts'
import { Forwards } from '../../src/gateway/forwards.ts'
import { Openings } from '../../src/gateway/opening.ts'
import { Verdicts } from '../../src/gateway/verdicts.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import { MSG, openFailureReason, readChannelOpen } from '../../src/ssh/messages.ts'
import { aCertificate, at } from '../support/certificate.ts'

const opens = (type: string, ...details: Part[]) =>
  readChannelOpen(wire(MSG.channelOpen, type, { uint32: 1 }, { uint32: 2 }, { uint32: 3 }, ...details))
const session = opens('session')
const tcpip = opens('direct-tcpip', '10.0.0.1', { uint32: 22 }, '127.0.0.1', { uint32: 9 })
const cameIn = opens('forwarded-tcpip', 'localhost', { uint32: 8_022 }, '127.0.0.1', { uint32: 9 })

/** Four channels at most. */
function some(extensions: Extensions = {}) {
  const refused: string[] = []
  const channels = new Channels()
  const forwards = new Forwards()
  const certificate = aCertificate({ extensions })
  const verdicts = new Verdicts(
    { permit: (ask) => permit(certificate, ask, at(1_500)), environment: () => ({}) },
    { opened() {}, refused: (what) => refused.push(what), exited() {}, closed() {} },
  )
  const openings = new Openings(verdicts, channels, forwards, 4)
  const fill = (count: number, type = 'session'): void => {
    for (let number = 10; number < 10 + count; number++)
      channels.asked('client', { open: { ...opens(type), sender: number }, end: { number, window: 1 } })
  }
  return { openings, forwards, fill, refused }
}
const reasonOf = (answer: object): unknown => ('reason' in answer ? answer.reason : 'opened')

test('a client opens sessions with any certificate, since what runs in them is asked by itself', () => {
  const { openings } = some()
  assert.deepEqual(openings.byClient(session), { ask: { kind: 'session', openSessions: 0 } })
})
test('as many as the certificate says, those included that are being opened', () => {
  const { openings, fill, refused } = some({ 'max-sessions@regate': 2 })
  fill(2)
  assert.equal(reasonOf(openings.byClient(session)), openFailureReason.prohibited)
  assert.deepEqual(refused, ['channel session'])
})
test('none after it said that it wants no more', () => {
  const { openings, forwards } = some()
  forwards.noMoreSessions()
  assert.equal(reasonOf(openings.byClient(session)), openFailureReason.prohibited)
})
test('a forward, when the certificate says so', () => {
  assert.equal(reasonOf(some().openings.byClient(tcpip)), openFailureReason.prohibited)
  assert.equal(reasonOf(some({ 'permit-port-forwarding': '' }).openings.byClient(tcpip)), 'opened')
})
for (const type of ['forwarded-tcpip', 'x11', 'auth-agent@openssh.com', 'toString', '__proto__', ''])
  test(`never a channel “${type}”, whatever the certificate says`, () => {
    const { openings } = some({
      'permit-port-forwarding': '',
      'permit-X11-forwarding': '',
      'permit-agent-forwarding': '',
    })
    assert.equal(reasonOf(openings.byClient(opens(type))), openFailureReason.unknownType)
  })
test('never a tunnel, whatever the certificate says and whoever wants one', () => {
  const { openings, refused } = some({ 'permit-port-forwarding': '' })
  assert.equal(reasonOf(openings.byClient(opens('tun@openssh.com'))), openFailureReason.prohibited)
  assert.equal(reasonOf(openings.byTarget(opens('tun@openssh.com'))), openFailureReason.unknownType)
  assert.equal(refused.length, 2)
})
test('no more channels of all kinds than there may be, from either side', () => {
  const { openings, forwards, fill } = some({ 'permit-port-forwarding': '' })
  forwards.listens({ name: 'tcpip-forward', wantReply: true, details: wire('localhost', { uint32: 8_022 }) }, undefined)
  fill(3, 'direct-tcpip')
  assert.deepEqual([reasonOf(openings.byClient(tcpip)), reasonOf(openings.byTarget(cameIn))], ['opened', 'opened'])
  fill(4, 'direct-tcpip')
  const short = openFailureReason.resourceShortage
  assert.deepEqual([reasonOf(openings.byClient(tcpip)), reasonOf(openings.byTarget(cameIn))], [short, short])
})
test('a target opens what it was asked for, and nothing else', () => {
  const { openings, forwards, refused } = some()
  assert.equal(reasonOf(openings.byTarget(cameIn)), openFailureReason.prohibited)
  forwards.listens({ name: 'tcpip-forward', wantReply: true, details: wire('localhost', { uint32: 8_022 }) }, undefined)
  assert.equal(reasonOf(openings.byTarget(cameIn)), 'opened')
  assert.equal(reasonOf(openings.byTarget(session)), openFailureReason.unknownType)
  assert.equal(reasonOf(openings.byTarget(tcpip)), openFailureReason.unknownType)
  assert.equal(refused.length, 3)
})
test('a destination that does not read opens nothing', () => {
  const { openings } = some({ 'permit-port-forwarding': '' })
  assert.throws(() => openings.byClient(opens('direct-tcpip', '10.0.0.1')), { code: 'WIRE_MALFORMED' })
})
