import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { printable } from '../model/text.ts'
import type { Fingerprint } from '../model/units.ts'
import { WireReader } from '../model/wire.ts'
import { utils } from './ssh2.ts'

/** A public key that a client offers to sign in with; whose it is, only a signature shows. */
export interface UserKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, …, `ssh-rsa`. */
  readonly type: string
  readonly fingerprint: Fingerprint
  readonly blob: Buffer
}

const taken = new Set(['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'])
const blobMost = 4096
const rsaBitsMost = 8192

/**
 * The key behind an offer (RFC 4252 section 7). `algorithm` and `hash` are ssh2's reading of the algorithm's name: RSA
 * comes as `ssh-rsa` with the hash of its `rsa-sha2-…` name, and without one it means SHA-1 (RFC 8332), which is refused.
 */
export function readUserKey(algorithm: string, hash: string | undefined, blob: Buffer, rsaBitsLeast: number): UserKey {
  if (!taken.has(algorithm)) throw unsupported(`${nameOf(algorithm)} are not taken`)
  if (algorithm === 'ssh-rsa' && hash === undefined) throw unsupported('RSA signatures with SHA-1 are not taken')
  if (blob.length > blobMost) throw unsupported('the key is too long')
  const reader = new WireReader(blob)
  if (reader.ascii() !== algorithm) throw unsupported('the key is of another kind than it says')
  if (algorithm === 'ssh-rsa') checkRsa(reader, rsaBitsLeast)
  return { type: algorithm, fingerprint: fingerprintOf(blob), blob: Buffer.from(blob) }
}

function checkRsa(reader: WireReader, least: number): void {
  reader.string() // e
  const modulus = reader.string()
  const bits = modulus.length === 0 ? 0 : BigInt(`0x${modulus.toString('hex')}`).toString(2).length
  if (bits < least || bits > rsaBitsMost)
    throw unsupported(`RSA keys must have ${least} to ${rsaBitsMost} bits, not ${bits}`)
}

/** Whether the key made the signature over `signed`, the session id and the request (RFC 4252 section 7). */
export function verifySignature(key: UserKey, signed: Buffer, signature: Buffer, hash: string | undefined): boolean {
  const parsed = utils.parseKey(key.blob)
  if (parsed instanceof Error || parsed.type !== key.type) return false
  // An Error object instead of false is what ssh2 gives for a signature that does not read.
  return (
    (parsed.verify as (data: Buffer, signature: Buffer, hash?: string) => unknown)(signed, signature, hash) === true
  )
}

function nameOf(written: string): string {
  const algorithm = printable(written, 64)
  if (algorithm.includes('-cert-v01@')) return `certificates (${algorithm})`
  return algorithm.startsWith('sk-') ? `FIDO keys (${algorithm})` : `${algorithm} keys`
}

const unsupported = (what: string): GatewayError => new GatewayError('KEY_UNSUPPORTED', what)
