import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import type { Fingerprint } from '../model/units.ts'
import { WireReader } from '../model/wire.ts'

/** The public part of a key that signs certificates. */
export interface CaKey {
  /** Wire form (RFC 4253 section 6.6). */
  readonly blob: Buffer
  readonly type: CaKeyType
  readonly fingerprint: Fingerprint
  /** The one algorithm that the key may sign with. */
  readonly algorithm: string
  /** Whether `signature` (in wire form: algorithm, then its bytes) is the key's over `data`. Never throws. */
  verifies(data: Buffer, signature: Buffer): boolean
}

export type CaKeyType = keyof typeof kinds

interface Kind {
  readonly algorithm: string
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null
  /** The rest of the public key, past its type. */
  read(reader: WireReader): KeyObject
  /** From the bytes of the wire to those that node verifies; undefined when they have another shape. */
  signature(bytes: Buffer): Buffer | undefined
}

/** An RSA key may be as weak as the weakest that a person may come with, and as long as OpenSSH takes one. */
const [rsaBitsLeast, rsaBitsMost] = [3_072, 16_384]

const kinds = {
  'ssh-ed25519': { algorithm: 'ssh-ed25519', hash: null, read: readEd25519, signature: asItIs },
  'ecdsa-sha2-nistp256': ecdsa('nistp256', 'P-256', 'sha256', 32),
  'ecdsa-sha2-nistp384': ecdsa('nistp384', 'P-384', 'sha384', 48),
  'ecdsa-sha2-nistp521': ecdsa('nistp521', 'P-521', 'sha512', 66),
  // Never `ssh-rsa` itself as an algorithm: that is SHA-1 (RFC 8332).
  'ssh-rsa': { algorithm: 'rsa-sha2-512', hash: 'sha512', read: readRsa, signature: asItIs },
} as const satisfies Record<string, Kind>

/** Throws KEY_FILE for what is no plain public key of a kind that signs certificates. */
export function readCaKey(blob: Buffer): CaKey {
  const { type, kind, key } = parse(blob)
  return {
    blob,
    type,
    fingerprint: fingerprintOf(blob),
    algorithm: kind.algorithm,
    verifies: (data, signature) => verifies(kind, key, data, signature),
  }
}

/** The line of a `.pub` file: `type base64 comment`. Throws KEY_FILE. */
export function readCaLine(line: string): CaKey {
  const [type = '', base64 = ''] = line.trim().split(/\s+/)
  const blob = Buffer.from(base64, 'base64')
  if (/[\r\n]/.test(line.trim()) || blob.toString('base64') !== base64)
    throw new GatewayError('KEY_FILE', 'not one public key: expected "ssh-ed25519 AAAA…"')
  const key = readCaKey(blob)
  if (key.type !== type) throw new GatewayError('KEY_FILE', `the line says ${type}, the key itself ${key.type}`)
  return key
}

/** For a host's `TrustedUserCAKeys`. */
export const caLine = ({ type, blob }: CaKey, comment: string): string =>
  `${type} ${blob.toString('base64')} ${comment}`

function parse(blob: Buffer): { type: CaKeyType; kind: Kind; key: KeyObject } {
  try {
    const reader = new WireReader(blob)
    const type = reader.ascii()
    if (!isKnown(type))
      throw new GatewayError('KEY_FILE', `a user CA must be one of ${Object.keys(kinds).join(', ')}, not ${type}`)
    const kind: Kind = kinds[type]
    const key = kind.read(reader)
    reader.end()
    return { type, kind, key }
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code === 'KEY_FILE') throw cause
    throw new GatewayError('KEY_FILE', 'not the public key of a user CA', { cause })
  }
}

const isKnown = (type: string): type is CaKeyType => Object.hasOwn(kinds, type)

function verifies(kind: Kind, key: KeyObject, data: Buffer, signature: Buffer): boolean {
  try {
    const reader = new WireReader(signature)
    if (reader.ascii() !== kind.algorithm) return false
    const bytes = kind.signature(reader.string())
    reader.end()
    return bytes !== undefined && verify(kind.hash, data, { key, dsaEncoding: 'ieee-p1363' }, bytes)
  } catch {
    return false
  }
}

/** RFC 8709 section 6, RFC 8332 section 3: node refuses another length. */
function asItIs(bytes: Buffer): Buffer {
  return bytes
}

/** RFC 8709 section 4. */
function readEd25519(reader: WireReader): KeyObject {
  const point = reader.string()
  if (point.length !== 32) throw malformed()
  return publicKey({ kty: 'OKP', crv: 'Ed25519', x: base64url(point) })
}

/** RFC 5656 sections 3.1 and 3.1.2: an uncompressed point; a signature is `mpint r, mpint s`. */
function ecdsa(curve: string, crv: string, hash: 'sha256' | 'sha384' | 'sha512', size: number): Kind {
  return {
    algorithm: `ecdsa-sha2-${curve}`,
    hash,
    read(reader) {
      if (reader.ascii() !== curve) throw malformed()
      const point = reader.string()
      if (point.length !== 1 + 2 * size || point[0] !== 4) throw malformed()
      const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)]
      return publicKey({ kty: 'EC', crv, x: base64url(x), y: base64url(y) })
    },
    signature(bytes) {
      const reader = new WireReader(bytes)
      const numbers = [natural(reader.string()), natural(reader.string())]
      reader.end()
      if (numbers.some((number) => number.length > size)) return undefined
      return Buffer.concat(numbers.map((number) => Buffer.concat([Buffer.alloc(size - number.length), number])))
    },
  }
}

/** RFC 4253 section 6.6: `mpint e, mpint n`. */
function readRsa(reader: WireReader): KeyObject {
  const [e, n] = [natural(reader.string()), natural(reader.string())]
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24
  if (bits < rsaBitsLeast || bits > rsaBitsMost)
    throw new GatewayError('KEY_FILE', `an RSA key of ${bits} bits; taken: ${rsaBitsLeast} to ${rsaBitsMost}`)
  return publicKey({ kty: 'RSA', e: base64url(e), n: base64url(n) })
}

/** The magnitude of an mpint (RFC 4251 section 5): positive, and written in no more bytes than it needs. */
function natural(mpint: Buffer): Buffer {
  const [first = 0, second = 0] = mpint
  if (mpint.length === 0 || first > 0x7f || (first === 0 && second <= 0x7f)) throw malformed()
  return first === 0 ? mpint.subarray(1) : mpint
}

const malformed = (): GatewayError =>
  new GatewayError('WIRE_MALFORMED', 'not the number or the point that it should be')
const base64url = (bytes: Buffer): string => bytes.toString('base64url')
const publicKey = (jwk: Record<string, string>): KeyObject => createPublicKey({ key: jwk, format: 'jwk' })
