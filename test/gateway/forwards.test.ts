import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Forwards } from '../../src/gateway/forwards.ts'
import type { Ask } from '../../src/model/channel.ts'
import { byteStringOf } from '../../src/model/glob.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import { type GlobalRequest, MSG, readChannelOpen, readListener } from '../../src/ssh/messages.ts'

const listener = (host: string, port: number): GlobalRequest => ({
  name: 'tcpip-forward',
  wantReply: true,
  details: wire(host, { uint32: port }),
})
const socketListener = (path: string): GlobalRequest => ({
  name: 'streamlocal-forward@openssh.com',
  wantReply: true,
  details: wire(path),
})
const chose = (port: number): Buffer => wire(MSG.requestSuccess, { uint32: port })
const opened = (type: string, ...details: Part[]) =>
  readChannelOpen(wire(MSG.channelOpen, type, { uint32: 1 }, { uint32: 2 }, { uint32: 3 }, ...details))
const cameIn = (host: string, port: number) =>
  opened('forwarded-tcpip', host, { uint32: port }, '192.0.2.1', { uint32: 9 })
const cameInOn = (path: string) => opened('forwarded-streamlocal@openssh.com', path, '')
const on = (host: string, port: number): Ask => ({ kind: 'tcpip-forward', host, port })

function listening(...places: [host: string, port: number][]): Forwards {
  const forwards = new Forwards()
  for (const [host, port] of places) forwards.listens(listener(host, port), undefined)
  return forwards
}

test('a target opens what comes in on a port that it was asked to listen on, and on no other', () => {
  const forwards = listening(['localhost', 8_022])
  assert.deepEqual(forwards.awaits(cameIn('localhost', 8_022)), on('localhost', 8_022))
  assert.equal(forwards.awaits(cameIn('localhost', 8_023)), undefined)
})
test('however it spells the address', () => {
  assert.deepEqual(listening(['', 8_022]).awaits(cameIn('0.0.0.0', 8_022)), on('', 8_022))
})
test('of two addresses on one port each is told by its own name', () => {
  const forwards = listening(['127.0.0.1', 8_022], ['0.0.0.0', 8_022])
  assert.deepEqual(forwards.awaits(cameIn('0.0.0.0', 8_022)), on('0.0.0.0', 8_022))
})
test('and the one that is cancelled is the one that is named: the other is still judged as what it is', () => {
  const forwards = listening(['0.0.0.0', 8_022], ['127.0.0.1', 8_022])
  forwards.cancels(listener('127.0.0.1', 8_022))
  const cancelled = forwards.narrow((ask) => ask.kind === 'tcpip-forward' && ask.host === '127.0.0.1')
  assert.deepEqual(
    cancelled.map(({ details }) => readListener(details)),
    [{ host: '0.0.0.0', port: 8_022 }],
  )
})
test('a port that the target chose is known from its reply; without a reply nothing is awaited', () => {
  const forwards = new Forwards()
  forwards.listens(listener('localhost', 0), chose(40_001))
  assert.deepEqual(forwards.awaits(cameIn('localhost', 40_001)), on('localhost', 0))
  const silent = new Forwards()
  silent.listens(listener('localhost', 0), undefined)
  assert.equal(silent.listening, 0)
})
test('such a port is cancelled by its own number', () => {
  const forwards = new Forwards()
  forwards.listens(listener('localhost', 0), chose(40_001))
  const [cancel] = forwards.narrow(() => false)
  assert.deepEqual(
    [cancel?.name, readListener(cancel?.details ?? Buffer.alloc(0))],
    ['cancel-tcpip-forward', { host: 'localhost', port: 40_001 }],
  )
})
test('a socket likewise', () => {
  const forwards = new Forwards()
  forwards.listensOn(socketListener('/run/a'))
  const ask: Ask = { kind: 'streamlocal-forward', path: byteStringOf('/run/a') }
  assert.deepEqual(forwards.awaits(cameInOn('/run/a')), ask)
  assert.equal(forwards.awaits(cameInOn('/run/b')), undefined)
  assert.deepEqual(
    forwards.narrow(() => false).map(({ name }) => name),
    ['cancel-streamlocal-forward@openssh.com'],
  )
  assert.equal(forwards.awaits(cameInOn('/run/a')), undefined)
})
test('what was cancelled is awaited no more', () => {
  const forwards = listening(['localhost', 8_022])
  forwards.cancels(listener('localhost', 8_022))
  assert.equal(forwards.awaits(cameIn('localhost', 8_022)), undefined)
  forwards.listensOn(socketListener('/run/a'))
  forwards.cancelsOn(socketListener('/run/a'))
  assert.equal(forwards.awaits(cameInOn('/run/a')), undefined)
})
test('to cancel what is not there changes nothing', () => {
  const forwards = listening(['localhost', 8_022])
  forwards.cancels(listener('localhost', 9))
  forwards.cancelsOn(socketListener('/run/a'))
  assert.equal(forwards.listening, 1)
})
for (const [type, flag] of [
  ['x11', 'x11'],
  ['auth-agent@openssh.com', 'agent'],
] as const)
  test(`a channel ${type} is awaited once ${flag} was granted, until it is not permitted any more`, () => {
    const forwards = new Forwards()
    assert.equal(forwards.awaits(opened(type)), undefined)
    forwards.flag(flag)
    assert.deepEqual(forwards.awaits(opened(type)), { kind: flag })
    forwards.narrow(({ kind }) => kind !== flag)
    assert.equal(forwards.awaits(opened(type)), undefined)
  })
for (const type of ['session', 'direct-tcpip', 'tun@openssh.com', ''])
  test(`nobody awaits a channel “${type}” from a target, whatever was granted`, () => {
    const forwards = listening(['localhost', 8_022])
    forwards.flag('x11')
    forwards.flag('agent')
    assert.equal(forwards.awaits(opened(type)), undefined)
  })
test('narrowing leaves what is still permitted', () => {
  const forwards = listening(['localhost', 8_022], ['localhost', 8_023])
  const cancelled = forwards.narrow((ask) => ask.kind === 'tcpip-forward' && ask.port === 8_023)
  assert.equal(cancelled.length, 1)
  assert.equal(forwards.awaits(cameIn('localhost', 8_022)), undefined)
  assert.deepEqual(forwards.awaits(cameIn('localhost', 8_023)), on('localhost', 8_023))
})
