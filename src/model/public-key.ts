import { GatewayError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import { printable } from './text.ts'
import type { Fingerprint } from './units.ts'
import { WireReader } from './wire.ts'

/** A public key of a kind that may open a login. Each has one spelling alone, and so one fingerprint. */
export interface PublicKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, …, `ssh-rsa`. */
  readonly type: string
  readonly fingerprint: Fingerprint
  /** In its wire form. */
  readonly blob: Buffer
  /** Of an RSA key's modulus; 0 for other kinds. */
  readonly rsaBits: number
  /** Of a FIDO key: whom the token made it for, mostly `ssh:`. Other kinds have none. */
  readonly application?: Buffer
}

const blobMost = 4_096
const rsaBitsMost = 8_192
const exponentBitsMost = 64

type Details = Pick<PublicKey, 'rsaBits' | 'application'>
const plain: Details = { rsaBits: 0 }

/** What follows the type in each kind of key: reads all of it. */
const readers: Readonly<Record<string, (reader: WireReader) => Details>> = {
  'ssh-ed25519': (reader) => exactly(reader, 32), // RFC 8709 section 4
  // OpenSSH: PROTOCOL.u2f
  'sk-ssh-ed25519@openssh.com': (reader) => forApplication(reader, exactly(reader, 32)),
  'sk-ecdsa-sha2-nistp256@openssh.com': (reader) => forApplication(reader, readPoint(reader, 'nistp256', 32)),
  'ecdsa-sha2-nistp256': (reader) => readPoint(reader, 'nistp256', 32),
  'ecdsa-sha2-nistp384': (reader) => readPoint(reader, 'nistp384', 48),
  'ecdsa-sha2-nistp521': (reader) => readPoint(reader, 'nistp521', 66),
  'ssh-rsa': readRsa,
}

/** Throws KEY_UNSUPPORTED for a kind that is not taken, and for bytes that are no key or not its one spelling. */
export function readPublicKey(blob: Buffer): PublicKey {
  if (blob.length > blobMost) throw unsupported('the key is too long')
  try {
    const reader = new WireReader(blob)
    const type = reader.ascii()
    if (!isTaken(type)) throw unsupported(`${nameOf(type)} are not taken`)
    const details = (readers[type] as (reader: WireReader) => Details)(reader)
    reader.end()
    return { type, fingerprint: fingerprintOf(blob), blob: Buffer.from(blob), ...details }
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'KEY_UNSUPPORTED') throw thrown
    throw new GatewayError('KEY_UNSUPPORTED', 'the key does not read', { cause: thrown })
  }
}

export const isTaken = (type: string): boolean => Object.hasOwn(readers, type)

/** As it is told to whoever brought one. */
export function nameOf(type: string): string {
  const shown = printable(type, 64)
  if (shown.includes('-cert-v01@')) return `certificates (${shown})`
  return `${shown} keys`
}

const forApplication = (reader: WireReader, details: Details): Details => ({
  ...details,
  application: Buffer.from(reader.string()),
})

function exactly(reader: WireReader, length: number): Details {
  const bytes = reader.string()
  if (bytes.length !== length) throw unsupported('the key has another length than its kind')
  return plain
}

/** RFC 5656 section 3.1: the curve's name and the point, which OpenSSH writes uncompressed (SEC 1, 2.3.3). */
function readPoint(reader: WireReader, curve: string, coordinate: number): Details {
  if (reader.ascii() !== curve) throw unsupported('the key is on another curve than its kind')
  const point = reader.string()
  if (point.length !== 1 + 2 * coordinate || point[0] !== 4) throw unsupported('the key is no uncompressed point')
  return plain
}

/** RFC 4253 section 6.6. A long exponent costs time at each signature, and no program makes one. */
function readRsa(reader: WireReader): Details {
  const exponent = reader.mpint()
  const bits = bitsOf(reader.mpint())
  if (exponent <= 1n || exponent % 2n === 0n || bitsOf(exponent) > exponentBitsMost)
    throw unsupported(`the exponent of an RSA key must be odd, more than 1, and of at most ${exponentBitsMost} bits`)
  if (bits > rsaBitsMost) throw unsupported(`RSA keys must have at most ${rsaBitsMost} bits, not ${bits}`)
  return { rsaBits: bits }
}

const bitsOf = (number: bigint): number => number.toString(2).length
const unsupported = (what: string): GatewayError => new GatewayError('KEY_UNSUPPORTED', what)
