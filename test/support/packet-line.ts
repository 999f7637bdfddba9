import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { PacketOpener } from '../../src/ssh/in-place.ts'
import '../../src/ssh/ssh2.ts'

/** ssh2's own module, after ssh2.ts has put the gateway's openers into it. */
const { createCipher, createDecipher } = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
  createCipher(config: object): Cipher
  createDecipher(config: object): PacketOpener
}
export interface Cipher {
  allocPacket(length: number): Buffer
  encrypt(packet: Buffer): void
}

export const kinds = {
  'aes128-gcm': { sslName: 'aes-128-gcm', keyLen: 16, ivLen: 12 },
  'aes256-gcm': { sslName: 'aes-256-gcm', keyLen: 32, ivLen: 12 },
  'chacha20-poly1305': { sslName: 'chacha20', keyLen: 64, ivLen: 0 },
} as const
export type Kind = keyof typeof kinds
export const names = Object.keys(kinds) as Kind[]

/** One direction of a connection: what is sealed at one end comes in pieces to the other. */
export function line(kind: Kind, onPayload: (payload: Buffer) => void = () => {}, onWrite?: (packet: Buffer) => void) {
  const info = kinds[kind]
  const [key, iv] = [randomBytes(info.keyLen), randomBytes(info.ivLen)]
  const sent: Buffer[] = []
  const heard: Buffer[] = []
  const cipher = createCipher({
    outbound: {
      seqno: 7,
      onWrite: onWrite ?? ((packet: Buffer) => sent.push(packet)),
      cipherInfo: info,
      cipherKey: key,
      cipherIV: iv,
    },
  })
  const opener = createDecipher({
    inbound: {
      seqno: 7,
      onPayload: (payload: Buffer) => {
        heard.push(Buffer.from(payload))
        onPayload(payload)
      },
      decipherInfo: info,
      decipherKey: Buffer.from(key),
      decipherIV: Buffer.from(iv),
    },
  })
  return {
    cipher,
    opener,
    heard,
    seal: (payload: Uint8Array): void => {
      const packet = cipher.allocPacket(payload.length)
      packet.set(payload, 5)
      cipher.encrypt(packet)
    },
    /** Everything sent so far, once. */
    takeSent: (): Buffer => Buffer.concat(sent.splice(0)),
    read: (chunk: Buffer): void => void opener.decrypt(chunk, 0, chunk.length),
  }
}
