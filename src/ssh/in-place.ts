/*
 * Under aes-gcm (RFC 5647) and chacha20-poly1305 (OpenSSH: PROTOCOL.chacha20poly1305) a packet has one layout on either leg:
 *
 *     length (4) | padding length (1) | payload | padding | tag (16)
 *
 * The addon opens it where it lies. So a message that passes as it came can be sealed for the other leg in the very same
 * bytes: no copy, no memory of its own, and no padding to make, since the peer's own goes along under the new key.
 */

import { notePassed } from './young-memory.ts'

/** The classes of ssh2's addon that are used here. */
export interface Addon {
  readonly AESGCMDecipher: new (name: string, key: Buffer, iv: Buffer) => Opener<[length: number, tag: Buffer]>
  readonly ChaChaPolyDecipher: new (
    key: Buffer,
  ) => Opener<[tag: Buffer, sequence: number]> & { decryptLen(header: Buffer, sequence: number): number }
}
interface Opener<Rest extends readonly unknown[]> {
  /** Opens it where it lies; throws when the tag is not its own. */
  decrypt(sealed: Buffer, ...rest: Rest): void
  free(): void
}

/** What ssh2 makes its ciphers and deciphers of: `createCipher` and `createDecipher` of protocol/crypto.js. */
export interface CipherConfig {
  readonly outbound: { readonly cipherInfo: { readonly sslName: string } }
}
export interface DecipherConfig {
  readonly inbound: {
    readonly seqno: number
    readonly onPayload: OnPayload
    readonly decipherInfo: { readonly sslName: string }
    readonly decipherKey: Buffer
    readonly decipherIV: Buffer
  }
}
/** False, or a place in the chunk, ends the reading with these keys. */
type OnPayload = (payload: Buffer) => false | number | undefined

const headerBytes = 4
const tagBytes = 16
/** OpenSSH's own limit (packet.c, PACKET_MAX_SIZE); 20 more is what some readers add. */
const lengthMost = 262_144 + 20
/** RFC 4253 section 6. */
const paddingLeast = 4

/** One cipher of this kind, and what differs between the two. */
interface Algorithm {
  /** A length is a multiple of this (RFC 4253 section 6). */
  readonly block: 8 | 16
  /** Of the packet whose header lies at `at`. */
  length(bytes: Buffer, at: number, sequence: number): number
  open(sealed: Buffer, tag: Buffer, sequence: number): void
  free(): void
}

/** Undefined for ciphers of another layout. */
function blockOf(sslName: string): 8 | 16 | undefined {
  return sslName === 'chacha20' ? 8 : /^aes-(128|256)-gcm$/.test(sslName) ? 16 : undefined
}

/** ssh2's ciphers that seal in place, and the block of each. */
const sealers = new WeakMap<object, 8 | 16>()

/** To be called with each cipher that ssh2 makes with its addon. */
export function noteCipher(cipher: object, { outbound }: CipherConfig): void {
  const block = blockOf(outbound.cipherInfo.sslName)
  if (block !== undefined) sealers.set(cipher, block)
}

/** In the place of ssh2's own decipher; undefined for ciphers of another layout. */
export function createPacketOpener(addon: Addon, { inbound }: DecipherConfig): PacketOpener | undefined {
  const { decipherInfo, decipherKey, decipherIV, seqno, onPayload } = inbound
  const { sslName } = decipherInfo
  const block = blockOf(sslName)
  if (block === undefined) return undefined
  const algorithm =
    block === 8
      ? new ChachaPoly(new addon.ChaChaPolyDecipher(decipherKey))
      : new Gcm(new addon.AESGCMDecipher(sslName, decipherKey, decipherIV))
  return new PacketOpener(algorithm, seqno, onPayload)
}

class Gcm implements Algorithm {
  readonly block = 16
  readonly #addon: InstanceType<Addon['AESGCMDecipher']>

  constructor(addon: InstanceType<Addon['AESGCMDecipher']>) {
    this.#addon = addon
  }

  length(bytes: Buffer, at: number): number {
    return bytes.readUInt32BE(at)
  }

  open(sealed: Buffer, tag: Buffer): void {
    this.#addon.decrypt(sealed, sealed.length, tag)
  }

  free(): void {
    this.#addon.free()
  }
}

class ChachaPoly implements Algorithm {
  readonly block = 8
  readonly #addon: InstanceType<Addon['ChaChaPolyDecipher']>

  constructor(addon: InstanceType<Addon['ChaChaPolyDecipher']>) {
    this.#addon = addon
  }

  length(bytes: Buffer, at: number, sequence: number): number {
    return this.#addon.decryptLen(bytes.subarray(at, at + headerBytes), sequence)
  }

  open(sealed: Buffer, tag: Buffer, sequence: number): void {
    this.#addon.decrypt(sealed, tag, sequence)
  }

  free(): void {
    this.#addon.free()
  }
}

/**
 * Cuts what comes from a socket into packets, opens each where it lies, and hands on its payload: what ssh2 calls a
 * decipher. A packet that is not whole in one chunk is put together in bytes of its own.
 */
export class PacketOpener {
  /** Changed by ssh2: at a key exchange, and when strict key exchange begins to count anew. */
  inSeqno: number
  _onPayload: OnPayload
  readonly #algorithm: Algorithm
  /**
   * So many bytes at the end of a chunk, of a packet that is not whole, may be left there, for whoever reads to begin the next
   * chunk with; if there are more they are put aside.
   */
  leftMost = 0
  #left = 0
  /** Where in the chunk the next packet begins. */
  #at = 0
  /** Of a packet that is not whole in its chunk: the header, then all of it. The first `#filled` bytes are there. */
  #partial: Buffer | undefined
  #filled = 0
  /** The packet whose payload is being looked at. */
  #looked: Buffer | undefined

  constructor(algorithm: Algorithm, sequence: number, onPayload: OnPayload) {
    this.#algorithm = algorithm
    this.inSeqno = sequence
    this._onPayload = onPayload
  }

  /** Reads bytes `at` to `end` of a chunk. Answers where to read on with other keys, if it comes to that. */
  decrypt(chunk: Buffer, at: number, end: number): number | undefined {
    this.#at = at
    while (this.#at < end) {
      const whole = this.#wholeIn(chunk, end)
      if (whole === undefined && this.#mayLeave(end)) return undefined
      const packet = whole ?? this.#completed(chunk, end)
      if (packet === undefined) return undefined
      const answer = this.#handOn(packet)
      if (answer !== undefined) return answer === false ? this.#at : answer
    }
    return undefined
  }

  free(): void {
    this.#algorithm.free()
  }

  /** How many bytes at the end of the chunk were left there, and that no more are to be left. */
  leave(): number {
    const left = this.#left
    this.#left = this.leftMost = 0
    return left
  }

  #mayLeave(end: number): boolean {
    const left = end - this.#at
    if (this.#filled > 0 || left > this.leftMost) return false
    this.#left = left
    return true
  }

  /** The packet that `payload` is all of, if it is the one being looked at, and ends in a whole block. Given away once. */
  take(payload: Uint8Array, block: number, isLent: boolean): Buffer | undefined {
    const packet = this.#looked
    if (packet === undefined || !isPayloadOf(packet, payload)) return undefined
    if ((packet.length - headerBytes - tagBytes) % block !== 0) return undefined
    // While it waits for its reader it keeps the whole chunk in memory: twice what is counted, at most.
    if (!isLent && packet.length * 2 < packet.buffer.byteLength) return undefined
    this.#looked = undefined
    return packet
  }

  #wholeIn(chunk: Buffer, end: number): Buffer | undefined {
    const start = this.#at
    if (this.#filled > 0 || end - start < headerBytes) return undefined
    const bytes = this.#bytesOf(chunk, start)
    if (end - start < bytes) return undefined
    this.#at += bytes
    return chunk.subarray(start, start + bytes)
  }

  #completed(chunk: Buffer, end: number): Buffer | undefined {
    while (this.#at < end) {
      const partial = this.#partial ?? Buffer.allocUnsafeSlow(headerBytes)
      this.#partial = partial
      const copied = chunk.copy(partial, this.#filled, this.#at, end)
      this.#at += copied
      this.#filled += copied
      if (this.#filled < partial.length) return undefined
      if (partial.length !== headerBytes) {
        this.#partial = undefined
        this.#filled = 0
        return partial
      }
      this.#partial = Buffer.allocUnsafeSlow(this.#bytesOf(partial, 0))
      this.#partial.set(partial)
    }
    return undefined
  }

  /** Of the whole packet whose header lies at `at`. */
  #bytesOf(bytes: Buffer, at: number): number {
    const { block } = this.#algorithm
    const length = this.#algorithm.length(bytes, at, this.inSeqno)
    if (length > lengthMost || length < block || length % block !== 0) throw new Error('Bad packet length')
    return headerBytes + length + tagBytes
  }

  #handOn(packet: Buffer): ReturnType<OnPayload> {
    const end = packet.length - tagBytes
    this.#algorithm.open(packet.subarray(headerBytes, end), packet.subarray(end), this.inSeqno)
    packet.writeUInt32BE(end - headerBytes)
    const padding = packet[headerBytes] ?? 0
    const payloadEnd = end - padding
    if (padding < paddingLeast || payloadEnd <= headerBytes + 1) throw new Error('Bad padding length')
    this.inSeqno = (this.inSeqno + 1) >>> 0
    this.#looked = packet
    const payload = packet.subarray(headerBytes + 1, payloadEnd)
    const isLent = passes(payload[0])
    if (!isLent) notePassed(payload.length) // a copy is garbage soon, as a chunk of the socket's own is
    const answer = this._onPayload(isLent ? payload : Buffer.from(payload))
    this.#looked = undefined
    return answer
  }
}

/** WINDOW_ADJUST, DATA and EXTENDED_DATA. Of other messages something may be kept, and the chunk is used again. */
const passes = (number: number | undefined): boolean => number === 93 || number === 94 || number === 95

function isPayloadOf(packet: Buffer, payload: Uint8Array): boolean {
  return (
    payload.buffer === packet.buffer &&
    payload.byteOffset === packet.byteOffset + headerBytes + 1 &&
    payload.length === packet.length - headerBytes - 1 - (packet[headerBytes] ?? 0) - tagBytes
  )
}

/** The two sides of a packet layer, as far as passing needs them. */
interface Receiver {
  readonly _decipher: object | undefined
}
interface Sender {
  readonly _cipher: { encrypt(packet: Buffer): void }
  /** Set while keys are exchanged: what is sent then must wait. */
  readonly _kexinit: unknown
}

/** Seals a message that has come over `from` for `to`, in its own bytes, and sends it. False: it can't be, and nothing was done. */
export function passInPlace(from: Receiver, to: Sender, message: Uint8Array, isLent = false): boolean {
  const block = sealers.get(to._cipher)
  if (block === undefined || to._kexinit !== undefined || !(from._decipher instanceof PacketOpener)) return false
  const packet = from._decipher.take(message, block, isLent)
  if (packet === undefined) return false
  to._cipher.encrypt(packet)
  return true
}
