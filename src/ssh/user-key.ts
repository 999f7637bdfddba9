import { GatewayError } from '../model/errors.ts'
import { isTaken, nameOf, type PublicKey, readPublicKey } from '../model/public-key.ts'
import { type Touch, touchOf } from './security-key.ts'
import { utils } from './ssh2.ts'

/** A public key that a client offers to sign in with; whose it is, only a signature shows. */
export type UserKey = PublicKey
/** It has made a signature over this very session. */
export interface ProvenKey extends UserKey {
  /** Of FIDO keys only. */
  readonly touch?: Touch
}

/**
 * The key behind an offer (RFC 4252 section 7). `algorithm` and `hash` are ssh2's reading of the algorithm's name: RSA
 * comes as `ssh-rsa` with the hash of its `rsa-sha2-…` name, and without one it means SHA-1 (RFC 8332), which is refused.
 */
export function readUserKey(algorithm: string, hash: string | undefined, blob: Buffer, rsaBitsLeast: number): UserKey {
  if (!isTaken(algorithm)) throw unsupported(`${nameOf(algorithm)} are not taken`)
  if (algorithm === 'ssh-rsa' && hash === undefined) throw unsupported('RSA signatures with SHA-1 are not taken')
  const key = readPublicKey(blob)
  if (key.type !== algorithm) throw unsupported('the key is of another kind than it says')
  if (key.type === 'ssh-rsa' && key.rsaBits < rsaBitsLeast)
    throw unsupported(`RSA keys must have at least ${rsaBitsLeast} bits, not ${key.rsaBits}`)
  return key
}

/** Undefined unless the key made the signature over `signed`, the session id and the request (RFC 4252 section 7). */
export function proveKey(
  key: UserKey,
  signed: Buffer,
  signature: Buffer,
  hash: string | undefined,
): ProvenKey | undefined {
  if (key.application === undefined) return isSigned(key, signed, signature, hash) ? key : undefined
  try {
    const touch = touchOf(key, signed, signature)
    return touch && { ...key, touch }
  } catch {
    return undefined // a signature, or a point, that does not read
  }
}

function isSigned(key: UserKey, signed: Buffer, signature: Buffer, hash: string | undefined): boolean {
  const parsed = utils.parseKey(key.blob)
  if (parsed instanceof Error || parsed.type !== key.type) return false
  // An Error object instead of false is what ssh2 gives for a signature that does not read.
  return (
    (parsed.verify as (data: Buffer, signature: Buffer, hash?: string) => unknown)(signed, signature, hash) === true
  )
}

const unsupported = (what: string): GatewayError => new GatewayError('KEY_UNSUPPORTED', what)
