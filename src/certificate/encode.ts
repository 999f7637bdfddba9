import sshpk from 'sshpk'
import type { CriticalOptions, Extensions } from '../model/certificate.ts'
import { asGatewayError } from '../model/errors.ts'
import type { UnixSeconds } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import type { Authority } from './authority.ts'
import type { CaKey } from './ca-key.ts'
import type { CertificateKind } from './fields.ts'
import { toWire } from './wire-options.ts'

/** Everything that stands in a certificate but its nonce and its signature. */
export interface CertificateContent {
  readonly kind: CertificateKind
  readonly subjectKey: Buffer
  readonly serial: bigint
  readonly keyId: string
  /** Accounts, or names of the host. */
  readonly principals: readonly string[]
  readonly validAfter: UnixSeconds
  readonly validBefore: UnixSeconds
  readonly criticalOptions: CriticalOptions
  readonly extensions: Extensions
}

/**
 * The bytes of a signed certificate. sshpk lays them out; it neither signs (its Ed25519 is slow, its RSA is SHA-1) nor
 * is asked whether a signature is right (it only compares the issuer's fingerprint).
 */
export async function encode(content: CertificateContent, authority: Authority): Promise<Buffer> {
  const covered = openssh.toBuffer(layOut(content, await authority.publicKey()), true)
  return wire({ raw: covered }, await signature(covered, authority))
}

async function signature(covered: Buffer, authority: Authority): Promise<Buffer> {
  try {
    return await authority.sign(covered)
  } catch (thrown) {
    throw asGatewayError(thrown, 'CERTIFICATE_SIGNER', 'no signature')
  }
}

/** What the types of sshpk leave out. `unsigned`: all that the signature covers. */
const openssh = sshpk.Certificate.formats.openssh as unknown as {
  toBuffer(certificate: sshpk.Certificate, unsigned: true): Buffer
}

const identityFor = { user: sshpk.identityForUser, host: sshpk.identityForHost } as const

function layOut(content: CertificateContent, authority: CaKey): sshpk.Certificate {
  const serial = Buffer.alloc(8)
  serial.writeBigUInt64BE(content.serial)
  const options = [
    ...toWire(content.criticalOptions).map((option) => ({ ...option, critical: true })),
    ...toWire(content.extensions).map((option) => ({ ...option, critical: false })),
  ]
  return new sshpk.Certificate({
    subjects: content.principals.map(identityFor[content.kind]),
    subjectKey: sshpk.parseKey(content.subjectKey, 'rfc4253'),
    issuer: sshpk.identityForHost('**'), // not written: an OpenSSH certificate names its issuer by key alone
    issuerKey: sshpk.parseKey(authority.blob, 'rfc4253'),
    serial,
    validFrom: new Date(content.validAfter * 1000),
    validUntil: new Date(content.validBefore * 1000),
    purposes: [],
    signatures: { openssh: { keyId: content.keyId, exts: options } },
  } as unknown as ConstructorParameters<typeof sshpk.Certificate>[0])
}
