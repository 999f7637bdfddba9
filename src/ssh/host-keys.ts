import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import type { UnixSeconds } from '../model/units.ts'
import { WireReader } from '../model/wire.ts'
import { type HostKeyAlgorithm, hostCertificateAlgorithms, hostKeyAlgorithms } from './algorithms.ts'
import { checkHostCertificate, type HostCertificate, isCertificate, readHostCertificate } from './host-certificate.ts'
import { algorithmsOf, type HostKey } from './host-key.ts'

/** By what a target is known. With neither keys nor authorities it is not gone to. */
export interface KnownHostKeys {
  readonly keys: readonly HostKey[]
  /** Whose certificates for the host are believed. */
  readonly authorities: readonly HostKey[]
  /** Keys that count no more: a host's, or an authority's. In wire form. */
  readonly revoked: readonly Buffer[]
}

/**
 * What to ask the target for: a certificate when an authority is known, then a key that is known, so that a target with
 * several does not show whichever it likes (OpenSSH: sshconnect2.c, order_hostkeyalgs). The rest comes last: a target that
 * has none of these is then refused for what it showed.
 */
export function algorithmsFor({ keys, authorities }: KnownHostKeys): readonly HostKeyAlgorithm[] {
  const isKnown = (algorithm: HostKeyAlgorithm): boolean =>
    keys.some((key) => algorithmsOf(key.type).includes(algorithm))
  return [
    ...(authorities.length === 0 ? [] : hostCertificateAlgorithms),
    ...hostKeyAlgorithms.filter(isKnown),
    ...hostKeyAlgorithms.filter((algorithm) => !isKnown(algorithm)),
  ]
}

/**
 * The plain key that must have signed the key exchange: the one that was shown, or the one in the certificate that was.
 * Pure and total: any doubt is an error, which says what of it is not as it should be.
 *
 * A certificate of nobody known counts as the key in it, as for ssh(1).
 */
export function checkHostKey(known: KnownHostKeys, shown: Buffer, host: string, now: UnixSeconds): Buffer {
  const certificate = isCertificate(shown) ? readHostCertificate(shown) : undefined
  const key = certificate?.key.blob ?? shown
  const involved = [shown, key, ...(certificate === undefined ? [] : [certificate.signer])]
  const revoked = involved.find((one) => known.revoked.some((blob) => blob.equals(one)))
  if (revoked !== undefined)
    throw new GatewayError(
      'HOST_KEY_REVOKED',
      `the host showed ${fingerprintOf(key)}; revoked: ${fingerprintOf(revoked)}`,
    )
  if (known.keys.some(({ blob }) => blob.equals(key))) return key
  if (certificate === undefined || !known.authorities.some(({ blob }) => blob.equals(certificate.signer)))
    throw stranger(known, key, certificate)
  checkHostCertificate(certificate, host, now)
  return key
}

function stranger({ keys, authorities }: KnownHostKeys, shown: Buffer, certificate: HostCertificate | undefined) {
  const by = certificate === undefined ? '' : `, certified by ${fingerprintOf(certificate.signer)}`
  const saw = `showed ${fingerprintOf(shown)}${by}`
  const known = [
    ...keys.map(({ blob }) => fingerprintOf(blob)),
    ...authorities.map(({ blob }) => `any that is certified by ${fingerprintOf(blob)}`),
  ]
  if (known.length === 0) return new GatewayError('HOST_KEY_UNKNOWN', `no host key is known; it ${saw}`)
  return new GatewayError('HOST_KEY_MISMATCH', `the host ${saw}, known: ${known.join(', ')}`)
}

/** A key as `host_keys` and known_hosts write it. */
export const hostKeyText = (blob: Buffer): string => `${new WireReader(blob).ascii()} ${blob.toString('base64')}`
