import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ProxyHeader, readProxyHeader } from '../../src/gateway/proxy-protocol.ts'
import { GatewayError } from '../../src/model/errors.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
/** A binary header; `length` is what it says of itself. */
function binary(command: number, kind: number, body: Buffer, length = body.length): Buffer {
  return Buffer.concat([latin1('\r\n\r\n\0\r\nQUIT\n'), Buffer.from([command, kind]), uint16(length), body])
}
const four = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0xc3, 0x50, 0, 22])
const six = Buffer.concat([
  Buffer.from('20010db8000000000000000000000009', 'hex'),
  Buffer.alloc(16),
  Buffer.from([0xc3, 0x50, 0, 22]),
])
const mapped = Buffer.concat([Buffer.from('00000000000000000000ffffcb007109', 'hex'), six.subarray(16)])
const value = (type: number, bytes: number): Buffer =>
  Buffer.concat([Buffer.from([type]), uint16(bytes), Buffer.alloc(bytes)])

const read: [rule: string, bytes: Buffer, source: string | undefined][] = [
  ['a line of IPv4', latin1('PROXY TCP4 203.0.113.9 10.0.0.1 50000 22\r\n'), '203.0.113.9 50000'],
  ['a line of IPv6', latin1('PROXY TCP6 2001:DB8::9 ::1 50000 22\r\n'), '2001:db8::9 50000'],
  ['an IPv4-mapped address is the IPv4 one', latin1('PROXY TCP6 ::ffff:203.0.113.9 ::1 1 22\r\n'), '203.0.113.9 1'],
  ['UNKNOWN', latin1('PROXY UNKNOWN\r\n'), undefined],
  ['UNKNOWN, whatever follows', latin1('PROXY UNKNOWN ffff::1 what ever\r\n'), undefined],
  ['the longest line', latin1(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), undefined],
  ['binary IPv4', binary(0x21, 0x11, four), '203.0.113.9 50000'],
  ['binary IPv6', binary(0x21, 0x21, six), '2001:db8::9 50000'],
  ['binary IPv4-mapped', binary(0x21, 0x21, mapped), '203.0.113.9 50000'],
  ['LOCAL', binary(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['LOCAL, whatever else it says', binary(0x20, 0x31, Buffer.alloc(216)), undefined],
  ['of no known family', binary(0x21, 0x00, Buffer.alloc(0)), undefined],
  ['further values', binary(0x21, 0x11, Buffer.concat([four, value(1, 4), value(0x20, 0)])), '203.0.113.9 50000'],
  ['as many as fit', binary(0x21, 0x11, Buffer.concat([four, value(4, 4_065)])), '203.0.113.9 50000'],
]
const told = (header: ProxyHeader | undefined): string | undefined =>
  header?.source && `${header.source.ip} ${header.source.port}`

for (const [rule, bytes, source] of read)
  test(`read, however it is cut: ${rule}`, () => {
    const rest = latin1('SSH-2.0-x\r\n')
    const header = readProxyHeader(Buffer.concat([bytes, rest]))
    assert.deepEqual([told(header), header?.length], [source, bytes.length])
    for (let length = 0; length < bytes.length; length++)
      assert.equal(readProxyHeader(bytes.subarray(0, length)), undefined, `${length} bytes of it`)
  })

const refused: [rule: string, bytes: Buffer][] = [
  ['an SSH client', latin1('SSH-2.0-OpenSSH_9.2\r\n')],
  ['one byte of something else', latin1('S')],
  ['another method', latin1('POST / HTTP/1.1\r\n')],
  ['a family that is not taken', latin1('PROXY UDP4 203.0.113.9 10.0.0.1 1 22\r\n')],
  ['an address of the other family', latin1('PROXY TCP4 2001:db8::9 ::1 1 22\r\n')],
  ['the other way round', latin1('PROXY TCP6 203.0.113.9 10.0.0.1 1 22\r\n')],
  ['an address in octal', latin1('PROXY TCP4 0203.0.113.9 10.0.0.1 1 22\r\n')],
  ['an address with a zone', latin1('PROXY TCP6 fe80::1%eth0 ::1 1 22\r\n')],
  ['a port beyond all', latin1('PROXY TCP4 203.0.113.9 10.0.0.1 65536 22\r\n')],
  ['a port with a zero before it', latin1('PROXY TCP4 203.0.113.9 10.0.0.1 022 22\r\n')],
  ['no port', latin1('PROXY TCP4 203.0.113.9 10.0.0.1\r\n')],
  ['a word too many', latin1('PROXY TCP4 203.0.113.9 10.0.0.1 1 22 x\r\n')],
  ['two blanks', latin1('PROXY TCP4  203.0.113.9 10.0.0.1 1 22\r\n')],
  ['a bare line end', latin1('PROXY TCP4 203.0.113.9 10.0.0.1 1 22\nSSH-2.0-x\r\n')],
  ['a line without an end', latin1(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
  ['a line that is too long', latin1(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
  ['an address of no IP', latin1('PROXY TCP4 localhost 10.0.0.1 1 22\r\n')],
  ['a signature that goes on otherwise', latin1('\r\n\r\n\0\r\nQUIX\n')],
  ['another version', binary(0x11, 0x11, four)],
  ['an unknown command', binary(0x22, 0x11, four)],
  ['datagrams', binary(0x21, 0x12, four)],
  ['datagrams of IPv6', binary(0x21, 0x22, six)],
  ['a UNIX socket', binary(0x21, 0x31, Buffer.alloc(216))],
  ['a UNIX socket, before its paths have come', binary(0x21, 0x31, Buffer.alloc(0), 216)],
  ['shorter than its addresses', binary(0x21, 0x11, four.subarray(1))],
  ['shorter than those of IPv6', binary(0x21, 0x21, four)],
  ['too long', binary(0x21, 0x11, four, 4_081)],
  ['a further value beyond the end', binary(0x21, 0x11, Buffer.concat([four, Buffer.from([1, 0, 9])]))],
  ['a further value without its length', binary(0x21, 0x11, Buffer.concat([four, Buffer.from([1, 0])]))],
]
const isRefusal = (fault: unknown): boolean => fault instanceof GatewayError && fault.code === 'PROXY_HEADER'
for (const [rule, bytes] of refused)
  test(`refused: ${rule}`, () => assert.throws(() => readProxyHeader(bytes), isRefusal))

test('whatever comes is a header, too little, or refused', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary', maxLength: 120 }).map((text) => latin1(`PROXY ${text}\r\n`)),
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x11, 0x21, 0x31), fc.uint8Array({ maxLength: 90 }))
      .map(([command, kind, body]) => binary(command, kind, Buffer.from(body))),
    fc
      .tuple(fc.constantFrom(...read.map(([, bytes]) => bytes)), fc.nat(200), fc.integer({ min: 0, max: 255 }))
      .map(([bytes, at, byte]) => {
        const changed = Buffer.from(bytes)
        changed[at % changed.length] = byte
        return changed
      }),
  )
  fc.assert(
    fc.property(anything, (bytes) => {
      try {
        const header = readProxyHeader(bytes)
        if (header === undefined) return
        assert.ok(header.length <= bytes.length && header.length >= 8)
        if (header.source !== undefined) assert.match(told(header) ?? '', /^[0-9a-f.:]+ \d+$/)
      } catch (fault) {
        assert.ok(isRefusal(fault), String(fault))
      }
    }),
    { numRuns: 5_000 },
  )
})
