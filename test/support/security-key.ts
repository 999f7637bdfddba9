import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { wire } from '../../src/model/wire.ts'

/** What a FIDO token does, in software: PROTOCOL.u2f of OpenSSH. */
export interface SecurityKey {
  readonly blob: Buffer
  /** What follows the signature's type and the length of the rest. */
  inside(data: Buffer, claim?: Claim): Buffer
  /** The whole signature, as an agent gives it. */
  sign(data: Buffer, claim?: Claim): Buffer
}
/** What it says of the person: touched, unless told otherwise. */
export interface Claim {
  readonly flags?: number
  readonly counter?: number
}

const sha256 = (bytes: Buffer | string): Buffer => createHash('sha256').update(bytes).digest()
/** An mpint, of 32 bytes that are no negative number. */
const mpint = (bytes: Buffer): Buffer => {
  const start = bytes.findIndex((byte) => byte !== 0)
  const short = bytes.subarray(start < 0 ? bytes.length : start)
  return wire((short[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), short]) : short)
}

export const securityKeyTypes = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const
export type SecurityKeyType = (typeof securityKeyTypes)[number]

export function makeSecurityKey(type: SecurityKeyType, application = 'ssh:'): SecurityKey {
  const isEd25519 = type === 'sk-ssh-ed25519@openssh.com'
  const { publicKey, privateKey } = isEd25519
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pair = (data: Buffer, claim: Claim = {}): [signature: Buffer, rest: Buffer] => {
    const flags = Buffer.of(claim.flags ?? 1)
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(claim.counter ?? 9)
    const covered = Buffer.concat([sha256(application), flags, counter, sha256(data)])
    return [isEd25519 ? sign(null, covered, privateKey) : numbers(covered, privateKey), Buffer.concat([flags, counter])]
  }
  return {
    blob: isEd25519
      ? wire(type, raw(publicKey, 'x'), application)
      : wire(type, 'nistp256', pointOf(publicKey), application),
    inside: (data, claim) => Buffer.concat(pair(data, claim)),
    sign(data, claim) {
      const [signature, rest] = pair(data, claim)
      return wire(type, signature, { raw: rest })
    },
  }
}

const raw = (key: KeyObject, name: 'x' | 'y'): Buffer =>
  Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url')
const pointOf = (key: KeyObject): Buffer => Buffer.concat([Buffer.of(4), raw(key, 'x'), raw(key, 'y')])

function numbers(covered: Buffer, key: KeyObject): Buffer {
  const both = sign('sha256', covered, { key, dsaEncoding: 'ieee-p1363' })
  return Buffer.concat([mpint(both.subarray(0, 32)), mpint(both.subarray(32))])
}
