import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import sshpk from 'sshpk'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import type { Fingerprint } from '../model/units.ts'
import { wire } from '../model/wire.ts'

/** The key that hosts name in `TrustedUserCAKeys`. */
export interface Authority {
  /** Wire form of the public key (RFC 8709). */
  readonly publicKey: Buffer
  /** The line for the host's file. */
  readonly line: string
  readonly fingerprint: Fingerprint
  /** The 64 bytes of an Ed25519 signature. Throws CERTIFICATE_SIGNER. */
  sign(data: Buffer): Promise<Buffer>
}

/** From the text of an unencrypted OpenSSH or PEM private key. Only Ed25519 signs here. */
export function authorityFromKey(text: string, comment: string): Authority {
  const { privateKey, publicKey } = readEd25519(text)
  return {
    publicKey,
    line: `ssh-ed25519 ${publicKey.toString('base64')} ${comment}`,
    fingerprint: fingerprintOf(publicKey),
    async sign(data) {
      return sign(null, data, privateKey)
    },
  }
}

/** sshpk reads the file's format; node holds the key, since sshpk's own Ed25519 is slow and its export does not load. */
function readEd25519(text: string): { privateKey: KeyObject; publicKey: Buffer } {
  const key = parse(text)
  if (key.type !== 'ed25519')
    throw new GatewayError('KEY_FILE', `a user CA must be an Ed25519 key, not ${key.type} (ssh-keygen -t ed25519)`)
  const part = (key as unknown as { part: Record<'k' | 'A', { data: Buffer }> }).part
  const seed = lastBytes(part.k.data, 32)
  const point = lastBytes(part.A.data, 32)
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: point.toString('base64url') }
  return { privateKey: createPrivateKey({ key: jwk, format: 'jwk' }), publicKey: wire('ssh-ed25519', point) }
}

function parse(text: string): sshpk.PrivateKey {
  try {
    return sshpk.parsePrivateKey(text, 'auto')
  } catch (cause) {
    const encrypted = (cause as Error).name === 'KeyEncryptedError'
    throw new GatewayError(
      'KEY_FILE',
      encrypted ? 'the key is encrypted; the gateway has no passphrase' : 'not a private key',
      { cause },
    )
  }
}

const lastBytes = (data: Buffer, length: number): Buffer => Buffer.from(data.subarray(data.length - length))
