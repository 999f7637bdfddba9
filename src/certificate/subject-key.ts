import { generateKeyPairSync, sign } from 'node:crypto'
import { wire } from '../model/wire.ts'

/** A key pair for one upstream connection: never written anywhere, gone with the last reference to it. */
export interface SubjectKey {
  /** Wire form (RFC 8709). */
  readonly publicKey: Buffer
  sign(data: Buffer): Buffer
}

export function makeSubjectKey(): SubjectKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return {
    publicKey: wire('ssh-ed25519', Buffer.from(x, 'base64url')),
    sign: (data) => sign(null, data, privateKey),
  }
}
