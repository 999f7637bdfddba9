import { createPublicKey, verify } from 'node:crypto'
import type { Certificate } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { parsePrincipal, type UnixSeconds } from '../model/units.ts'
import { WireReader, wire } from '../model/wire.ts'
import { readCriticalOptions, readExtensions } from './options.ts'
import { fromWire } from './wire-options.ts'

const certificateType = 'ssh-ed25519-cert-v01@openssh.com'
const plainType = 'ssh-ed25519'
const userCertificate = 1
const principalsMost = 16

/**
 * Reads an Ed25519 user certificate (OpenSSH: PROTOCOL.certkeys) signed by the Ed25519 key `authority`, which is given in
 * its wire form. Every field is checked, the signature over all of them first; nothing may be missing, doubled or left
 * over. Throws CERTIFICATE_SIGNATURE, CERTIFICATE_MALFORMED, or the code of the field that is wrong.
 */
export function decode(signed: Buffer, authority: Buffer): Certificate {
  try {
    return read(signed, authority)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code !== 'WIRE_MALFORMED') throw thrown
    throw new GatewayError('CERTIFICATE_MALFORMED', 'not an Ed25519 user certificate', { cause: thrown })
  }
}

function read(signed: Buffer, authority: Buffer): Certificate {
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
  return {
    serial,
    keyId,
    principals,
    validAfter,
    validBefore,
    ...restrictions,
    ...readExtensions(fromWire(extensions)),
    criticalOptions,
    subject: fingerprintOf(wire(plainType, subjectKey)),
    signed,
  }
}

function verifySignature(covered: Buffer, signer: Buffer, signature: Buffer, authority: Buffer): void {
  const fault = new GatewayError('CERTIFICATE_SIGNATURE', 'not signed by this authority')
  if (!signer.equals(authority)) throw fault
  const reader = new WireReader(signature)
  if (reader.ascii() !== plainType) throw fault
  const bytes = reader.string()
  reader.end()
  if (bytes.length !== 64 || !verify(null, covered, ed25519PublicKey(authority), bytes)) throw fault
}

/** The wire form `string "ssh-ed25519"`, `string key` (RFC 8709) as node knows it. */
function ed25519PublicKey(blob: Buffer) {
  const reader = new WireReader(blob)
  expect(reader.ascii() === plainType, 'not an Ed25519 key')
  const key = reader.string()
  reader.end()
  expect(key.length === 32, 'not an Ed25519 key')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }, format: 'jwk' })
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
