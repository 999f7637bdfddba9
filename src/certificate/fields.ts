import { GatewayError } from '../model/errors.ts'
import type { UnixSeconds } from '../model/units.ts'
import { WireReader } from '../model/wire.ts'
import type { CaKey } from './ca-key.ts'
import { fromWire } from './wire-options.ts'

/** PROTOCOL.certkeys: SSH_CERT_TYPE_USER, SSH_CERT_TYPE_HOST. */
export const certificateKinds = { user: 1, host: 2 } as const
export type CertificateKind = keyof typeof certificateKinds

export const certificateType = 'ssh-ed25519-cert-v01@openssh.com'
export const plainType = 'ssh-ed25519'
const principalsMost = 16

/** What stands in a certificate, before anybody asks what it means. */
export interface Fields {
  /** Of the Ed25519 key that is certified: its 32 bytes. */
  readonly subjectKey: Buffer
  readonly serial: bigint
  readonly keyId: string
  /** At least one: some readers take none for all. */
  readonly principals: readonly [string, ...string[]]
  readonly validAfter: UnixSeconds
  readonly validBefore: UnixSeconds
  /** As Rego writes them. */
  readonly criticalOptions: Record<string, unknown>
  readonly extensions: Record<string, unknown>
}

/**
 * Reads an Ed25519 certificate (OpenSSH: PROTOCOL.certkeys) signed by the key `authority`: the signature over all fields
 * first; nothing may be missing, doubled or left over. Throws CERTIFICATE_SIGNATURE, CERTIFICATE_MALFORMED, or the code of
 * the field that is wrong.
 */
export function readFields(signed: Buffer, kind: CertificateKind, authority: CaKey): Fields {
  try {
    return read(signed, kind, authority)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code !== 'WIRE_MALFORMED') throw thrown
    throw new GatewayError('CERTIFICATE_MALFORMED', `not an Ed25519 ${kind} certificate`, { cause: thrown })
  }
}

function read(signed: Buffer, kind: CertificateKind, authority: CaKey): Fields {
  const reader = new WireReader(signed)
  expect(reader.ascii() === certificateType, 'another type of certificate')
  reader.string() // nonce
  const subjectKey = reader.string()
  const serial = reader.uint64()
  const type = reader.uint32()
  const keyId = reader.utf8()
  const principals = readPrincipals(reader.string())
  const validAfter = readTime(reader)
  const validBefore = readTime(reader)
  const critical = reader.string()
  const extensions = reader.string()
  const reserved = reader.string()
  const signer = reader.string()
  verifySignature(signed.subarray(0, reader.position), signer, reader.string(), authority)
  reader.end()

  expect(subjectKey.length === 32, 'a subject key of another length')
  expect(type === certificateKinds[kind], `not a ${kind} certificate`)
  expect(reserved.length === 0, 'something in the reserved field')
  expect(validAfter < validBefore, 'an end before the beginning')
  return {
    subjectKey,
    serial,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions: fromWire(critical),
    extensions: fromWire(extensions),
  }
}

function verifySignature(covered: Buffer, signer: Buffer, signature: Buffer, authority: CaKey): void {
  if (!signer.equals(authority.blob) || !authority.verifies(covered, signature))
    throw new GatewayError('CERTIFICATE_SIGNATURE', 'not signed by this authority')
}

function readPrincipals(bytes: Buffer): Fields['principals'] {
  const reader = new WireReader(bytes)
  const principals = []
  while (reader.left > 0) principals.push(reader.utf8())
  const [first, ...rest] = principals
  if (first === undefined)
    throw new GatewayError('CERTIFICATE_PRINCIPAL', 'no principal: some readers take that for all')
  expect(principals.length <= principalsMost, 'too many principals')
  return [first, ...rest]
}

function readTime(reader: WireReader): UnixSeconds {
  const seconds = reader.uint64()
  expect(seconds <= 253_402_300_799n, 'a time after the year 9999')
  return Number(seconds) as UnixSeconds
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new GatewayError('CERTIFICATE_MALFORMED', what)
}
