import sshpk from 'sshpk'
import type { CriticalOptions, Extensions } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import type { Principal, UnixSeconds } from '../model/units.ts'
import type { Authority } from './authority.ts'
import { toWire } from './wire-options.ts'

/** Everything that stands in a certificate but its nonce and its signature. */
export interface CertificateContent {
  readonly subjectKey: Buffer
  readonly serial: bigint
  readonly keyId: string
  readonly principals: readonly Principal[]
  readonly validAfter: UnixSeconds
  readonly validBefore: UnixSeconds
  readonly criticalOptions: CriticalOptions
  readonly extensions: Extensions
}

/**
 * The bytes of a signed user certificate. sshpk lays them out; it neither signs (its Ed25519 is slow) nor is asked
 * whether a signature is right (it only compares the issuer's fingerprint).
 */
export async function encode(content: CertificateContent, authority: Authority): Promise<Buffer> {
  const certificate = layOut(content, authority)
  const signer = (blob: Buffer, done: (error: Error | null, signature?: sshpk.Signature) => void): void => {
    authority
      .sign(blob)
      .then((raw) => done(null, sshpk.parseSignature(raw.toString('base64'), 'ed25519', 'raw')))
      .catch((error) => done(error))
  }
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(cause instanceof GatewayError ? cause : new GatewayError('CERTIFICATE_SIGNER', 'no signature', { cause }))
    openssh.signAsync(certificate, signer, (error) => (error ? fail(error) : resolve()))
  })
  const [, base64 = ''] = certificate.toString('openssh').split(' ')
  return Buffer.from(base64, 'base64')
}

/** What the types of sshpk leave out. */
const openssh = sshpk.Certificate.formats.openssh as unknown as {
  signAsync(
    certificate: sshpk.Certificate,
    signer: (blob: Buffer, done: (error: Error | null, signature?: sshpk.Signature) => void) => void,
    done: (error?: Error | null) => void,
  ): void
}

function layOut(content: CertificateContent, authority: Authority): sshpk.Certificate {
  const serial = Buffer.alloc(8)
  serial.writeBigUInt64BE(content.serial)
  const options = [
    ...toWire(content.criticalOptions).map((option) => ({ ...option, critical: true })),
    ...toWire(content.extensions).map((option) => ({ ...option, critical: false })),
  ]
  return new sshpk.Certificate({
    subjects: content.principals.map((principal) => sshpk.identityForUser(principal)),
    subjectKey: sshpk.parseKey(content.subjectKey, 'rfc4253'),
    issuer: sshpk.identityForHost('**'), // not written: an OpenSSH certificate names its issuer by key alone
    issuerKey: sshpk.parseKey(authority.publicKey, 'rfc4253'),
    serial,
    validFrom: new Date(content.validAfter * 1000),
    validUntil: new Date(content.validBefore * 1000),
    purposes: [],
    signatures: { openssh: { keyId: content.keyId, exts: options } },
  } as unknown as ConstructorParameters<typeof sshpk.Certificate>[0])
}
