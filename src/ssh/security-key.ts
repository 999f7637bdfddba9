import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { PublicKey } from '../model/public-key.ts'
import { WireReader } from '../model/wire.ts'

/** What a FIDO token says of the person with each signature; whether that is enough is the policy's to say. */
export interface Touch {
  /** Somebody touched it. */
  readonly userPresent: boolean
  /** By a PIN or a finger it knew who. */
  readonly userVerified: boolean
}

/** WebAuthn section 6.1. */
const flag = { userPresent: 0x01, userVerified: 0x04 } as const
const coordinateBytes = 32

/**
 * Undefined unless this key made the signature over `signed` (OpenSSH: PROTOCOL.u2f). `signature`: as ssh2 hands it on, without its
 * type and the length of what follows. The counter is signed, and compared with nothing: keys that are synchronised between
 * devices have none that grows, and sshd does not look either.
 */
export function touchOf(key: PublicKey, signed: Buffer, signature: Buffer): Touch | undefined {
  const { application } = key
  if (application === undefined) return undefined
  const reader = new WireReader(signature)
  const raw = key.type === 'sk-ssh-ed25519@openssh.com' ? reader.bytes(64) : readPair(reader)
  const flags = reader.byte()
  const counter = reader.bytes(4)
  reader.end()
  const covered = Buffer.concat([sha256(application), Buffer.of(flags), counter, sha256(signed)])
  if (!isSigned(key, covered, raw)) return undefined
  return { userPresent: (flags & flag.userPresent) !== 0, userVerified: (flags & flag.userVerified) !== 0 }
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

/** RFC 5656 section 3.1.2: r and s. Both fit into a coordinate, or the signature is none. */
function readPair(reader: WireReader): Buffer {
  const numbers = [reader.mpint(), reader.mpint()].map((number) =>
    number.toString(16).padStart(2 * coordinateBytes, '0'),
  )
  return Buffer.from(numbers.join(''), 'hex')
}

function isSigned(key: PublicKey, covered: Buffer, raw: Buffer): boolean {
  const reader = new WireReader(key.blob)
  reader.ascii()
  if (key.type === 'sk-ssh-ed25519@openssh.com') return verify(null, covered, ed25519(reader.string()), raw)
  reader.ascii()
  return verify('sha256', covered, { key: nistp256(reader.string()), dsaEncoding: 'ieee-p1363' }, raw)
}

const ed25519 = (x: Buffer): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') }, format: 'jwk' })

function nistp256(point: Buffer): KeyObject {
  const [x, y] = [point.subarray(1, 1 + coordinateBytes), point.subarray(1 + coordinateBytes)]
  const jwk = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}
