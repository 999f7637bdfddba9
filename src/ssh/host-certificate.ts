import { GatewayError } from '../model/errors.ts'
import { type PublicKey, readPublicKey } from '../model/public-key.ts'
import { printable } from '../model/text.ts'
import type { UnixSeconds } from '../model/units.ts'
import { wildcardMatches } from '../model/wildcard.ts'
import { WireReader, wire } from '../model/wire.ts'
import { signatureBytes, utils } from './ssh2.ts'

/** What a host's certificate says (OpenSSH: PROTOCOL.certkeys). Its signature was made by `signer`, whoever that is. */
export interface HostCertificate {
  /** The key that it certifies, and that must sign the key exchange. */
  readonly key: PublicKey
  readonly keyId: string
  readonly type: number
  readonly principals: readonly string[]
  /** Unix seconds: the first that counts, and the first that counts no more. */
  readonly validAfter: bigint
  readonly validBefore: bigint
  readonly criticalOptions: readonly string[]
  /** Public key in wire form. */
  readonly signer: Buffer
}

const suffix = '-cert-v01@openssh.com'
/** Strings between the nonce and the serial that are the key itself. */
const fields: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-rsa': 2,
}
const hostCertificate = 2
/** OpenSSH: sshkey.c, SSHKEY_CERT_MAX_PRINCIPALS. */
const principalsMost = 256
const rsaBitsLeast = 2_048

/** How each kind of authority may sign: as sshd's default CASignatureAlgorithms, but for FIDO keys. Never with SHA-1. */
const signatures: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}
const hashes: Readonly<Record<string, string>> = { 'rsa-sha2-512': 'sha512', 'rsa-sha2-256': 'sha256' }

export const isCertificate = (shown: Buffer): boolean => typeOf(shown).endsWith(suffix)

function typeOf(blob: Buffer): string {
  try {
    return new WireReader(blob).ascii()
  } catch {
    return ''
  }
}

/** Reads all of it and verifies its signature. Throws HOST_CERTIFICATE_INVALID. */
export function readHostCertificate(shown: Buffer): HostCertificate {
  try {
    return read(shown)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'HOST_CERTIFICATE_INVALID') throw thrown
    throw new GatewayError('HOST_CERTIFICATE_INVALID', 'the host certificate does not read', { cause: thrown })
  }
}

function read(shown: Buffer): HostCertificate {
  const reader = new WireReader(shown)
  const plainType = reader.ascii().replace(suffix, '')
  const count = Object.hasOwn(fields, plainType) ? fields[plainType] : undefined
  if (count === undefined) throw invalid(`certificates of ${printable(plainType, 64)} keys are not taken`)
  reader.string() // nonce
  const key = readPublicKey(wire(plainType, ...Array.from({ length: count }, () => reader.string())))
  reader.uint64() // serial
  const type = reader.uint32()
  const keyId = printable(reader.string().toString('utf8'), 200)
  const principals = strings(reader.string())
  const validAfter = reader.uint64()
  const validBefore = reader.uint64()
  const criticalOptions = strings(reader.string()).filter((_text, index) => index % 2 === 0)
  strings(reader.string()) // extensions: none is known for hosts, and what is not known restricts nothing
  reader.string() // reserved
  const signer = Buffer.from(reader.string())
  verify(shown.subarray(0, reader.position), signer, reader.string())
  reader.end()
  if (principals.length > principalsMost) throw invalid('the host certificate has too many principals')
  return { key, keyId, type, principals, validAfter, validBefore, criticalOptions, signer }
}

function strings(bytes: Buffer): string[] {
  const reader = new WireReader(bytes)
  const found: string[] = []
  while (reader.left > 0) found.push(reader.string().toString('latin1'))
  return found
}

/** A certificate that signs (a nested one) is no plain key of a known kind, and so refused here. */
function verify(covered: Buffer, signer: Buffer, signature: Buffer): void {
  const { type, rsaBits } = readPublicKey(signer)
  if (type === 'ssh-rsa' && rsaBits < rsaBitsLeast)
    throw invalid(`the host certificate was signed with an RSA key of ${rsaBits} bits; at least ${rsaBitsLeast}`)
  const reader = new WireReader(signature)
  const algorithm = reader.ascii()
  const bytes = reader.string()
  reader.end()
  if (!Object.hasOwn(signatures, type) || signatures[type]?.includes(algorithm) !== true)
    throw invalid(`the host certificate was signed with ${printable(algorithm, 64)}, which is not taken`)
  const key = utils.parseKey(signer)
  const converted = signatureBytes(bytes, algorithm)
  const holds =
    !(key instanceof Error) &&
    converted !== undefined &&
    (key.verify as (data: Buffer, signature: Buffer, hash?: string) => unknown)(covered, converted, hashes[algorithm])
  if (holds !== true) throw invalid('the signature of the host certificate is wrong')
}

/**
 * Whether the certificate is good for this host now (OpenSSH: sshkey.c, sshkey_cert_check_host; the names in it may have
 * wildcards). No principal is nobody: OpenSSH before 10.3 takes that for every host. Throws HOST_CERTIFICATE_INVALID.
 */
export function checkHostCertificate(certificate: HostCertificate, host: string, now: UnixSeconds): void {
  const { key, type, principals, validAfter, validBefore, criticalOptions } = certificate
  if (type !== hostCertificate) throw invalid('the certificate that the host showed is not a host’s')
  if (criticalOptions.length > 0)
    throw invalid(`the host certificate has a critical option: ${printable(criticalOptions.join(', '), 100)}`)
  if (BigInt(now) < validAfter) throw invalid(`the host certificate is good from ${time(validAfter)}`)
  if (BigInt(now) >= validBefore) throw invalid(`the host certificate was good until ${time(validBefore)}`)
  if (!principals.some((principal) => principal !== '' && wildcardMatches(principal, host.toLowerCase())))
    throw invalid(`the host certificate is for ${named(principals)}, not ${printable(host, 100)}`)
  if (key.type === 'ssh-rsa' && key.rsaBits < rsaBitsLeast)
    throw invalid(`the host certificate is of an RSA key of ${key.rsaBits} bits; at least ${rsaBitsLeast}`)
}

const named = (principals: readonly string[]): string =>
  principals.length === 0 ? 'no host' : printable(principals.join(', '), 200)

/** What a Date can hold ends before what a certificate can say. */
const time = (seconds: bigint): string =>
  seconds > 253_402_300_799n ? 'never' : new Date(Number(seconds) * 1000).toISOString()

const invalid = (what: string): GatewayError => new GatewayError('HOST_CERTIFICATE_INVALID', what)
