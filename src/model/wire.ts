import { GatewayError } from './errors.ts'

const malformed = (what: string): GatewayError => new GatewayError('WIRE_MALFORMED', what)

/**
 * Reads the data types of RFC 4251 section 5 from a message, and refuses what is cut short. The buffers it hands out are
 * views: copy what outlives the message.
 */
export class WireReader {
  readonly #bytes: Buffer
  #at: number
  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(length: number): number {
    if (length > this.left) throw malformed(`${length} bytes wanted, ${this.left} left`)
    const start = this.#at
    this.#at += length
    return start
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  /** Any non-zero byte is true (RFC 4251 section 5). */
  boolean(): boolean {
    return this.byte() !== 0
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8))
  }

  string(): Buffer {
    return this.bytes(this.uint32())
  }

  /** So many bytes as they are. */
  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** A whole number, not negative, in its one spelling: no byte more than it takes (RFC 4251 section 5). */
  mpint(): bigint {
    const bytes = this.string()
    const [first = 0, second = 0] = bytes
    if (first > 0x7f) throw malformed('a negative number')
    if (bytes.length > 0 && first === 0 && second < 0x80) throw malformed('a number with a zero too many')
    return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`)
  }

  /** A string that must be printable US-ASCII: names of methods, requests and algorithms. */
  ascii(): string {
    const bytes = this.string()
    if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw malformed('a name that is not printable ASCII')
    return bytes.toString('latin1')
  }

  /** A string that must be well-formed UTF-8; nothing is replaced. */
  utf8(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.string())
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause
      throw new GatewayError('WIRE_MALFORMED', 'a text that is not UTF-8', { cause })
    }
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.left))
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw malformed(`${this.left} bytes too many`)
  }
}

/** A part of a message: a number is a byte, text and bytes are RFC 4251 strings, `raw` goes in as it is. */
export type Part =
  | number
  | string
  | Uint8Array
  | { readonly uint32: number }
  | { readonly uint64: bigint }
  | { readonly boolean: boolean }
  | { readonly raw: Uint8Array }

/** The parts one after the other, as RFC 4251 section 5 writes them. */
export function wire(...parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map(encodePart))
}

function encodePart(part: Part): Uint8Array {
  if (typeof part === 'number') return Uint8Array.of(part)
  if (typeof part === 'string' || part instanceof Uint8Array) return withLength(Buffer.from(part))
  if ('raw' in part) return part.raw
  if ('boolean' in part) return Uint8Array.of(part.boolean ? 1 : 0)
  const encoded = Buffer.alloc('uint32' in part ? 4 : 8)
  if ('uint32' in part) encoded.writeUInt32BE(part.uint32)
  else encoded.writeBigUInt64BE(part.uint64)
  return encoded
}

function withLength(bytes: Buffer): Buffer {
  const encoded = Buffer.allocUnsafe(4 + bytes.length)
  encoded.writeUInt32BE(bytes.length)
  encoded.set(bytes, 4)
  return encoded
}
