import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { passInPlace } from '../../src/ssh/in-place.ts'
import { nativeCiphers } from '../../src/ssh/ssh2.ts'
import { type Kind, line, names } from '../support/packet-line.ts'

/** As from a socket: in memory of its own. */
const chunkOf = (bytes: Uint8Array): Buffer => {
  const chunk = Buffer.allocUnsafeSlow(bytes.length)
  chunk.set(bytes)
  return chunk
}
function* cut(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let piece = 0; at < bytes.length; piece++) {
    const end = at + (lengths[piece % lengths.length] ?? bytes.length)
    yield chunkOf(bytes.subarray(at, end))
    at = end
  }
}
const payload = fc.uint8Array({ minLength: 1, maxLength: 300 })
const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 })
const hex = (all: readonly Uint8Array[]): string[] => all.map((one) => Buffer.from(one).toString('hex'))

test('the addon is there: without it none of this is looked at', () => assert.ok(nativeCiphers))

for (const kind of names)
  test(`${kind}: however it is cut into chunks, each payload is handed on as it was sealed`, () =>
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 12 }), lengths, (payloads, pieces) => {
        const { seal, takeSent, read, heard } = line(kind)
        payloads.forEach(seal)
        for (const chunk of cut(takeSent(), pieces)) read(chunk)
        assert.deepEqual(hex(heard), hex(payloads))
      }),
    ))

for (const first of names)
  for (const second of names)
    test(`${first} to ${second}: what passes in place, and what is copied beside it, arrives as it was`, () =>
      fc.assert(
        fc.property(fc.array(payload, { maxLength: 12 }), lengths, (payloads, pieces) => {
          const onward = line(second)
          const to = { _cipher: onward.cipher, _kexinit: undefined }
          const inward = line(first, (message) => {
            if (!passInPlace({ _decipher: inward.opener }, to, message)) onward.seal(message)
          })
          payloads.forEach(inward.seal)
          for (const chunk of cut(inward.takeSent(), pieces)) inward.read(chunk)
          for (const chunk of cut(onward.takeSent(), pieces)) onward.read(chunk)
          assert.deepEqual(hex(onward.heard), hex(payloads))
        }),
      ))

/** What became of one message that was passed by `pass`. */
function passOnce(
  pass: (message: Buffer, go: (message: Uint8Array) => boolean) => boolean,
  { from = 'aes128-gcm', to = 'aes128-gcm', length = 100, before = 0, kexinit = undefined as unknown } = {} as {
    from?: Kind
    to?: Kind
    length?: number
    before?: number
    kexinit?: unknown
  },
): boolean {
  const onward = line(to)
  let passed = false
  const inward = line(from, (message) => {
    if (message[0] !== 94) return
    const go = (some: Uint8Array): boolean =>
      passInPlace({ _decipher: inward.opener }, { _cipher: onward.cipher, _kexinit: kexinit }, some)
    passed = pass(message, go)
  })
  if (before > 0) inward.seal(new Uint8Array(before).fill(2))
  inward.seal(new Uint8Array(length).fill(94))
  inward.read(chunkOf(inward.takeSent()))
  return passed
}

const rows: [rule: string, passed: boolean, expected: boolean][] = [
  ['a whole message passes', passOnce((message, go) => go(message)), true],
  ['a large one as well', passOnce((message, go) => go(message), { length: 32_777 }), true],
  ['a copy of it does not', passOnce((message, go) => go(Buffer.from(message))), false],
  ['a part of it does not', passOnce((message, go) => go(message.subarray(0, 50))), false],
  ['its end does not', passOnce((message, go) => go(message.subarray(1))), false],
  ['it passes once', passOnce((message, go) => go(message) && go(message)), false],
  ['none passes while keys are exchanged', passOnce((message, go) => go(message), { kexinit: {} }), false],
  [
    'none that ends in half a block of the other cipher',
    passOnce((message, go) => go(message), { from: 'chacha20-poly1305', length: 2 }),
    false,
  ],
  ['one of whole blocks does', passOnce((message, go) => go(message), { from: 'chacha20-poly1305', length: 9 }), true],
  [
    'none that would keep more than twice its size in memory',
    passOnce((message, go) => go(message), { before: 200 }),
    false,
  ],
]
for (const [rule, passed, expected] of rows) test(rule, () => assert.equal(passed, expected))

test('a message that was looked at before is not the one that passes', () => {
  const onward = line('aes128-gcm')
  const seen: Buffer[] = []
  const inward = line('aes128-gcm', (message) => void seen.push(message))
  inward.seal(Buffer.alloc(100, 94))
  inward.read(chunkOf(inward.takeSent()))
  const [message = Buffer.alloc(0)] = seen
  assert.equal(
    passInPlace({ _decipher: inward.opener }, { _cipher: onward.cipher, _kexinit: undefined }, message),
    false,
  )
  assert.equal(onward.takeSent().length, 0)
})

for (const kind of names) {
  test(`${kind}: one changed bit anywhere ends it`, () =>
    fc.assert(
      fc.property(payload, fc.nat(), (sealed, bit) => {
        const { seal, takeSent, read, heard } = line(kind)
        seal(sealed)
        const bytes = takeSent()
        const at = (bit >> 3) % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
        try {
          read(chunkOf(bytes))
        } catch {}
        assert.deepEqual(heard, []) // a longer length waits for more, and everything else throws
      }),
    ))

  const ends: [rule: string, change: (packet: Buffer) => Buffer, error: RegExp][] = [
    ['less padding than 4', (packet) => setPadding(packet, 3), /padding/],
    ['padding without a payload', (packet) => setPadding(packet, packet.readUInt32BE() - 1), /padding/],
    ['padding beyond its packet', (packet) => setPadding(packet, 255), /padding/],
  ]
  for (const [rule, change, error] of ends)
    test(`${kind}: ${rule} ends it`, () => {
      const { cipher, takeSent, read } = line(kind)
      cipher.encrypt(change(cipher.allocPacket(20)))
      assert.throws(() => read(chunkOf(takeSent())), error)
    })
}

test('a length beyond what OpenSSH sends is refused before there is memory for it', () => {
  for (const length of [262_144 + 32, 0xffff_fff0, 0, 8, 17])
    assert.throws(() => {
      const header = Buffer.alloc(4)
      header.writeUInt32BE(length)
      line('aes128-gcm').read(chunkOf(header))
    }, /length/)
})

test('padding is drawn once: none of it comes back', () => {
  const { cipher } = line('aes256-gcm')
  const drawn = Array.from({ length: 20_000 }, () => cipher.allocPacket(20).subarray(25, 36).toString('hex'))
  assert.equal(new Set(drawn).size, drawn.length)
})

function setPadding(packet: Buffer, length: number): Buffer {
  packet[4] = length
  return packet
}
