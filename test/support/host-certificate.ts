import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { wire } from '../../src/model/wire.ts'

/** A key pair of a host or of its authority, in the forms that tests need. */
export interface TestKey {
  readonly type: string
  /** Wire form. */
  readonly blob: Buffer
  readonly privateKey: KeyObject
  /** The strings of the wire form behind the type. */
  readonly fields: readonly Buffer[]
}

export function ed25519(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  return { type: 'ssh-ed25519', fields: [point], blob: wire('ssh-ed25519', point), privateKey }
}

export function rsa(bits = 3072): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' })
  const fields = [e, n].map((number) => mpint(Buffer.from(number, 'base64url')))
  return { type: 'ssh-rsa', fields, blob: wire('ssh-rsa', ...fields), privateKey }
}

const mpint = (bytes: Buffer): Buffer => ((bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes)

export interface CertificateChange {
  readonly type?: number
  readonly principals?: readonly string[]
  readonly validAfter?: bigint
  readonly validBefore?: bigint
  readonly critical?: Buffer
  readonly extensions?: Buffer
  readonly key?: TestKey
  readonly authority?: TestKey
  /** What stands there as the signer, when it is not the authority's own key. */
  readonly signer?: Buffer
  readonly algorithm?: 'ssh-ed25519' | 'rsa-sha2-512' | 'rsa-sha2-256' | 'ssh-rsa'
  readonly spoilSignature?: boolean
  readonly trailing?: Buffer
  readonly reserved?: Buffer
}

/** A host certificate for db1 (PROTOCOL.certkeys), good from 1000 to 2000, with one thing changed. */
export function hostCertificate(authority: TestKey, key: TestKey, change: CertificateChange = {}): Buffer {
  const signingKey = change.authority ?? authority
  const subject = change.key ?? key
  const covered = wire(
    `${subject.type}-cert-v01@openssh.com`,
    randomBytes(32),
    ...subject.fields,
    { uint64: 7n },
    { uint32: change.type ?? 2 },
    'a host',
    wire(...(change.principals ?? ['db1'])),
    { uint64: change.validAfter ?? 1000n },
    { uint64: change.validBefore ?? 2000n },
    change.critical ?? Buffer.alloc(0),
    change.extensions ?? Buffer.alloc(0),
    change.reserved ?? Buffer.alloc(0),
    change.signer ?? signingKey.blob,
  )
  const algorithm = change.algorithm ?? (signingKey.type === 'ssh-rsa' ? 'rsa-sha2-512' : 'ssh-ed25519')
  const signature = sign(hashes[algorithm], covered, createPrivateKey(signingKey.privateKey.export(pem)))
  if (change.spoilSignature === true) signature[5] = (signature[5] ?? 0) ^ 1
  return wire({ raw: covered }, wire(algorithm, signature), { raw: change.trailing ?? Buffer.alloc(0) })
}

const pem = { format: 'pem', type: 'pkcs8' } as const
const hashes = { 'ssh-ed25519': null, 'rsa-sha2-512': 'sha512', 'rsa-sha2-256': 'sha256', 'ssh-rsa': 'sha1' } as const
