import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Due, SftpReplies } from '../../src/ssh/sftp-replies.ts'
import { harmless, readRequest, type SftpRequest } from '../../src/ssh/sftp-request.ts'
import { type Ruling, SftpRequests } from '../../src/ssh/sftp-requests.ts'
import { asksPlace, init, packet, place, reply, request, versionReply } from '../support/sftp.ts'

/** What passes of the bytes, given in pieces that end at these places. */
function through(bytes: Buffer, ends: readonly number[], judge: (request: SftpRequest, head: Buffer) => Ruling) {
  const requests = new SftpRequests(judge)
  const out: Buffer[] = []
  let swallowed = 0
  let added = 0
  let held = 0
  for (const [index, end] of [...ends, bytes.length].entries()) {
    const data = Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end))
    const passed = requests.take(data)
    if (passed.untouched) assert.deepEqual(Buffer.concat(passed.pieces), data)
    for (const piece of passed.pieces) out.push(Buffer.from(piece))
    swallowed += passed.swallowed
    added += passed.added
    held = Math.max(held, requests.held)
  }
  return { out: Buffer.concat(out), swallowed, added, held, largest: Math.max(0, ...out.map(({ length }) => length)) }
}
const refuse =
  (...names: string[]) =>
  ({ name }: SftpRequest): Ruling =>
    names.includes(name) ? 'refuse' : 'pass'

const data = Buffer.from('content of a file that is written')
const stream = [
  init(),
  request.open(1, '/a', 26),
  request.write(2, 'h', data),
  request.remove(3, ''),
  request.write(4, 'h', Buffer.alloc(0)),
  request.rename(5, '/a', '/b'),
  request.close(6, 'h'),
]

test('what is permitted passes byte for byte, in whatever pieces it comes, and behind the greeting a question', () => {
  const bytes = Buffer.concat(stream)
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (places) => {
      const ends = places.toSorted((a, b) => a - b)
      const { out, swallowed, added } = through(bytes, ends, refuse())
      assert.deepEqual(out, Buffer.concat([init(), asksPlace, ...stream.slice(1)]))
      assert.deepEqual([swallowed, added], [0, asksPlace.length])
    }),
  )
})
test('in the place of what is refused goes what is harmless, and what is missing is counted', () => {
  const bytes = Buffer.concat(stream)
  const expected = Buffer.concat([
    init(),
    asksPlace,
    ...stream.slice(1, 2),
    harmless(2),
    harmless(3),
    harmless(4),
    harmless(5),
    ...stream.slice(6),
  ])
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (places) => {
      const ends = places.toSorted((a, b) => a - b)
      const { out, swallowed } = through(bytes, ends, refuse('write', 'remove', 'rename'))
      assert.deepEqual(out, expected)
      assert.equal(swallowed, bytes.length - expected.length + asksPlace.length)
    }),
  )
})
test('a refused request of the same length as the harmless one is not taken for untouched', () => {
  const passed = new SftpRequests(refuse('remove'))
  passed.take(init())
  assert.equal(passed.take(request.remove(3, '')).untouched, false)
})
test('what goes on in its place goes in pieces no larger than those that came', () => {
  const longer = Buffer.alloc(40, 1)
  const { largest } = through(
    Buffer.concat([init(), request.rename(1, '/'.repeat(50), '/b')]),
    [9, 19, 29, 39, 49, 59, 69, 79],
    () => longer,
  )
  assert.ok(largest <= 10)
})
test('a message that passes whole passes as it came', () => {
  const requests = new SftpRequests(refuse())
  requests.take(init())
  const message = request.open(1, '/a', 1)
  const { untouched, pieces } = requests.take(message)
  assert.equal(untouched, true)
  assert.equal(pieces[0]?.buffer, message.buffer)
})
test('of what is written nothing is kept but what comes before the data', () => {
  const bytes = Buffer.concat([init(), request.write(1, 'handle', Buffer.alloc(200_000))])
  const ends = Array.from({ length: 20_000 }, (_, index) => (index + 1) * 10)
  assert.ok(through(bytes, ends, refuse()).held <= 40)
  assert.ok(through(bytes, ends, refuse('write')).held <= 40)
})
test('a client that offers more is made to speak version 3', () => {
  assert.deepEqual(through(init(6), [], refuse()).out, Buffer.concat([init(3), asksPlace]))
})

const lengthOf = (length: number, type = 3): Buffer => {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32BE(length)
  bytes.writeUInt8(type, 4)
  return bytes
}
const write = request.write(1, 'h', data)
const refusedStreams: [rule: string, bytes: Buffer][] = [
  ['what is no sftp', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a request before the greeting', request.open(1, '/a', 1)],
  ['a second greeting', Buffer.concat([init(), init()])],
  ['an older version', init(2)],
  ['a packet without an id', Buffer.concat([init(), lengthOf(4)])],
  ['a packet of more than 256 KiB', Buffer.concat([init(), lengthOf(262_145, 6)])],
  ['a request that is no WRITE of more than 34,000 bytes', Buffer.concat([init(), lengthOf(34_001)])],
  ['a packet that is an answer', Buffer.concat([init(), reply.status(1, 0, '')])],
  ['a packet of a later version', Buffer.concat([init(), packet(21, { uint32: 1 }, 'a', 'b')])],
  ['a path that ends beyond the packet', Buffer.concat([init(), packet(13, { uint32: 1 }, { uint32: 9 })])],
  ['something left over', Buffer.concat([init(), packet(13, { uint32: 1 }, '/a', 'b')])],
  ['a path with a NUL in it', Buffer.concat([init(), request.remove(1, '/a\0b')])],
  ['a handle of more than 256 bytes', Buffer.concat([init(), request.read(1, 'h'.repeat(257))])],
  ['one to write to', Buffer.concat([init(), request.write(1, 'h'.repeat(257), data)])],
  ['a WRITE whose data are longer than it', Buffer.concat([init(), altered(write, 22 + 3, write.length)])],
  ['or shorter', Buffer.concat([init(), altered(write, 22 + 3, 1)])],
]
function altered(bytes: Buffer, at: number, byte: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = byte
  return changed
}
for (const [rule, bytes] of refusedStreams)
  test(`cut: ${rule}`, () => assert.throws(() => through(bytes, [], refuse()), { code: 'WIRE_MALFORMED' }))

test('whatever the bytes, a request reads or is cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(3, 5, 13, 18, 200), (bytes, type) => {
      try {
        readRequest(packet(type, { raw: bytes }))
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, 'WIRE_MALFORMED')
      }
    }),
    { numRuns: 1_000 },
  )
})

// Replies

/** What passes of the bytes, given in pieces that end at these places. */
function answered(bytes: Buffer, ends: readonly number[], due: Record<number, Due>, stands = (_: string): void => {}) {
  const replies = new SftpReplies((id) => due[id], stands)
  const out: Buffer[] = []
  let swallowed = 0
  for (const [index, end] of [...ends, bytes.length].entries()) {
    const passed = replies.take(Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)))
    for (const piece of passed.pieces) out.push(Buffer.from(piece))
    swallowed += passed.swallowed
  }
  return { out: Buffer.concat(out), swallowed }
}
const any: Due = { kind: 'any' }
const greeting = Buffer.concat([versionReply(), place('/home')])
const greeted = (...replies: Buffer[]): Buffer => Buffer.concat([greeting, ...replies])
const without = (...replies: Buffer[]): Buffer => Buffer.concat([versionReply(), ...replies])
const inPieces = (bytes: Buffer) => fc.array(fc.nat(bytes.length)).map((places) => places.toSorted((a, b) => a - b))

test('of a refused request the answer is permission denied, and all others pass as they came', () => {
  const before = [reply.handle(1, 'h'), reply.data(2, data)]
  const after = [reply.status(4, 2, 'No such file'), reply.name(5, '/home')]
  const bytes = greeted(...before, reply.status(3, 2, 'No such file'), ...after)
  fc.assert(
    fc.property(inPieces(bytes), (ends) => {
      const passed = answered(bytes, ends, { 1: any, 2: any, 3: { kind: 'refusal' }, 4: any, 5: any })
      assert.deepEqual(passed.out, without(...before, reply.status(3, 3, 'refused     '), ...after))
      assert.equal(passed.swallowed, place('/home').length)
    }),
  )
})
test('also when the target says it in fewer words, or in none', () => {
  const refusal = { 1: { kind: 'refusal' } } as const
  assert.deepEqual(answered(greeted(reply.status(1, 4, 'no')), [], refusal).out, without(reply.status(1, 3, 're')))
  const bare = (code: number) => packet(101, { uint32: 1 }, { uint32: code })
  assert.deepEqual(answered(greeted(bare(4)), [], refusal).out, without(bare(3)))
})
test('handles and the place are read, in whatever pieces they come', () => {
  const bytes = greeted(reply.handle(1, 'handle'), reply.handle(2, ''))
  fc.assert(
    fc.property(inPieces(bytes), (ends) => {
      const heard: string[] = []
      const given = (text: string): void => void heard.push(text)
      answered(bytes, ends, { 1: { kind: 'handle', given }, 2: { kind: 'handle', given } }, given)
      assert.deepEqual(heard, ['/home', 'handle', ''])
    }),
  )
})
test('the target’s greeting waits until it has said where it stands', () => {
  const replies = new SftpReplies(
    () => undefined,
    () => {},
  )
  assert.deepEqual(replies.take(versionReply()).pieces, [])
  assert.deepEqual(Buffer.concat(replies.take(place('/home')).pieces), versionReply())
})
test('it may not say it', () => {
  const fail = (): never => assert.fail()
  const bytes = Buffer.concat([versionReply(), reply.status(0xffff_fffe, 4, 'x')])
  assert.deepEqual(answered(bytes, [], {}, fail).out, versionReply())
})
test('a status in place of a handle is none', () => {
  const fail = (): never => assert.fail()
  answered(greeted(reply.status(1, 2, 'x')), [], { 1: { kind: 'handle', given: fail } })
})

const refusedReplies: [rule: string, bytes: Buffer][] = [
  ['another version', Buffer.concat([versionReply(6), place('/')])],
  ['an answer before the greeting', Buffer.concat([reply.status(1, 0, ''), place('/')])],
  ['an answer before that to the question', Buffer.concat([versionReply(), reply.status(1, 0, '')])],
  ['a handle in its place', Buffer.concat([versionReply(), reply.handle(0xffff_fffe, 'h')])],
  ['a greeting of more than 34,000 bytes', lengthOf(34_001, 2)],
  ['an answer to nothing', greeted(reply.status(9, 0, ''))],
  ['what is no answer', greeted(request.remove(1, '/a'))],
  ['a packet of more than 256 KiB', greeted(lengthOf(262_145, 103))],
  ['a packet without an id', greeted(lengthOf(4, 101))],
  ['anything but a status to what was refused', greeted(reply.handle(2, 'h'))],
  ['a handle that ends beyond the packet', greeted(packet(102, { uint32: 3 }, { uint32: 9 }))],
  ['one of more than 256 bytes', greeted(reply.handle(3, 'h'.repeat(257)))],
]
for (const [rule, bytes] of refusedReplies)
  test(`cut: ${rule}`, () =>
    assert.throws(() => answered(bytes, [], { 1: any, 2: { kind: 'refusal' }, 3: { kind: 'handle', given() {} } }), {
      code: 'WIRE_MALFORMED',
    }))
