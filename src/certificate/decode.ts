import type { Certificate } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { parsePrincipal, type UnixSeconds } from '../model/units.ts'
import { WireReader, wire } from '../model/wire.ts'
import type { CaKey } from './ca-key.ts'
import { mustGoTogether, readCriticalOptions, readExtensions } from './options.ts'
import { fromWire } from './wire-options.ts'

const certificateType = 'ssh-ed25519-cert-v01@openssh.com'
const plainType = 'ssh-ed25519'
const userCertificate = 1
const principalsMost = 16

/**
 * Reads an Ed25519 user certificate (OpenSSH: PROTOCOL.certkeys) signed by the key `authority`. Every field is checked, the signature over all of them first; nothing may be missing, doubled or left
 * over. Throws CERTIFICATE_SIGNATURE, CERTIFICATE_MALFORMED, or the code of the field that is wrong.
 */
export function decode(signed: Buffer, authority: CaKey): Certificate {
  try {
    return read(signed, authority)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code !== 'WIRE_MALFORMED') throw thrown
    throw new GatewayError('CERTIFICATE_MALFORMED', 'not an Ed25519 user certificate', { cause: thrown })
  }
}

function read(signed: Buffer, authority: CaKey): Certificate {
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
  expect(type === userCertificate, 'not a user certificate')
  expect(reserved.length === 0, 'something in the reserved field')
  expect(validAfter < validBefore, 'an end before the beginning')
  const { criticalOptions, restrictions } = readCriticalOptions(fromWire(critical))
  const read = readExtensions(fromWire(extensions))
  mustGoTogether(read.extensions, criticalOptions)
  return {
    serial,
    keyId,
    principals,
    validAfter,
    validBefore,
    ...restrictions,
    ...read,
    criticalOptions,
    subject: fingerprintOf(wire(plainType, subjectKey)),
    signed,
  }
}

function verifySignature(covered: Buffer, signer: Buffer, signature: Buffer, authority: CaKey): void {
  if (!signer.equals(authority.blob) || !authority.verifies(covered, signature))
    throw new GatewayError('CERTIFICATE_SIGNATURE', 'not signed by this authority')
}

function readPrincipals(bytes: Buffer): Certificate['principals'] {
  const reader = new WireReader(bytes)
  const principals = []
  while (reader.left > 0) principals.push(parsePrincipal(reader.utf8()))
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

function expect(holds: boolean, what: string): void {
  if (!holds) throw new GatewayError('CERTIFICATE_MALFORMED', what)
}
