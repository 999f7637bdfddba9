import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../src/model/errors.ts'
import { wire } from '../../src/model/wire.ts'
import * as messages from '../../src/ssh/messages.ts'
import { MSG } from '../../src/ssh/messages.ts'

const number = fc.integer({ min: 0, max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array))
const name = fc.stringMatching(/^[\x20-\x7e]{0,40}$/)

test('a channel open reads back, and passes on with another window', () => {
  fc.assert(
    fc.property(name, number, number, number, bytes, (type, sender, window, packetMost, details) => {
      const message = wire(
        MSG.channelOpen,
        type,
        { uint32: sender },
        { uint32: window },
        { uint32: packetMost },
        { raw: details },
      )
      const open = messages.readChannelOpen(message)
      assert.deepEqual(
        { ...open, details: [...open.details] },
        { type, sender, window, packetMost, details: [...details] },
      )
      assert.deepEqual(messages.withWindow(open, window, packetMost), message)
    }),
  )
})
test('data is counted by its header', () => {
  fc.assert(
    fc.property(number, bytes, (recipient, data) => {
      assert.deepEqual(messages.readData(wire(MSG.channelData, { uint32: recipient }, data)), {
        recipient,
        length: data.length,
      })
      assert.deepEqual(messages.readData(messages.stderrData(recipient, data)), { recipient, length: data.length })
    }),
  )
})
test('a channel request reads back', () => {
  fc.assert(
    fc.property(number, name, fc.boolean(), bytes, (recipient, request, wantReply, details) => {
      const message = wire(MSG.channelRequest, { uint32: recipient }, request, { boolean: wantReply }, { raw: details })
      const read = messages.readChannelRequest(message)
      assert.deepEqual(
        { ...read, details: [...read.details] },
        { recipient, name: request, wantReply, details: [...details] },
      )
    }),
  )
})
test('a confirmation is passed on with another window and packet size alone', () => {
  const message = wire(MSG.channelOpenConfirmation, { uint32: 1 }, { uint32: 2 }, { uint32: 3 }, { uint32: 4 })
  assert.deepEqual(messages.readOpenConfirmation(messages.withLimits(message, 8, 9)), {
    recipient: 1,
    sender: 2,
    window: 8,
    packetMost: 9,
  })
  assert.equal(message.readUInt32BE(13), 4)
})

const readers: Record<string, (message: Buffer) => unknown> = {
  readGlobalRequest: messages.readGlobalRequest,
  readChannelOpen: messages.readChannelOpen,
  readOpenConfirmation: messages.readOpenConfirmation,
  readOpenFailure: messages.readOpenFailure,
  readWindowAdjust: messages.readWindowAdjust,
  readData: messages.readData,
  readRecipient: messages.readRecipient,
  readChannelRequest: messages.readChannelRequest,
  readListener: messages.readListener,
  readForward: messages.readForward,
  readOnlyBytes: messages.readOnlyBytes,
  readBytes: messages.readBytes,
  readChosenPort: messages.readChosenPort,
}
for (const [reader, read] of Object.entries(readers))
  test(`${reader} reads any bytes or refuses them`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (array) => {
        try {
          read(Buffer.from(array))
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'WIRE_MALFORMED', String(error))
        }
      }),
    )
  })

const leftOver: [rule: string, read: () => unknown][] = [
  ['a window adjust with more', () => messages.readWindowAdjust(wire(93, { uint32: 1 }, { uint32: 2 }, 0))],
  ['a close with more', () => messages.readRecipient(wire(97, { uint32: 1 }, 0))],
  ['a command with more', () => messages.readOnlyBytes(wire('id', 0))],
  ['a listener with more', () => messages.readListener(wire('h', { uint32: 2 }, 0))],
  ['a listener on port 65536', () => messages.readListener(wire('h', { uint32: 65_536 }))],
  ['a forward to port 65558', () => messages.readForward(wire('h', { uint32: 65_558 }, '::1', { uint32: 1 }))],
  ['a chosen port of 65536', () => messages.readChosenPort(wire(81, { uint32: 65_536 }))],
  ['data longer than it says', () => messages.readData(wire(94, { uint32: 1 }, 'x', 0))],
  ['data shorter than it says', () => messages.readData(wire(94, { uint32: 1 }, { uint32: 9 }))],
]
for (const [rule, read] of leftOver) test(`${rule} is refused`, () => assert.throws(read, { code: 'WIRE_MALFORMED' }))
