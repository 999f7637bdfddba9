import { GatewayError } from '../model/errors.ts'
import { isTaken, readPublicKey } from '../model/public-key.ts'
import { type HostKeyAlgorithm, hostKeyAlgorithms } from './algorithms.ts'

/** A public key of a host. `blob` is its wire form. */
export interface HostKey {
  readonly type: string
  readonly blob: Buffer
}

/** One public key as it stands in a `.pub` file or a known_hosts line: `ssh-ed25519 AAAA… comment`. Throws CONFIG_INVALID. */
export function parseHostKey(text: string): HostKey {
  const [type = '', base64 = ''] = text.trim().split(/\s+/)
  const blob = Buffer.from(base64, 'base64')
  if (blob.length === 0 || blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    throw new GatewayError('CONFIG_INVALID', 'not a public key: expected "ssh-ed25519 AAAA…"')
  if (!isTaken(type) || algorithmsOf(type).length === 0)
    throw new GatewayError('CONFIG_INVALID', `a host key of type ${type} is not taken; known: ${keyTypes.join(', ')}`)
  try {
    if (readPublicKey(blob).type === type) return { type, blob }
  } catch (cause) {
    throw new GatewayError('CONFIG_INVALID', `not a ${type} key: ${(cause as Error).message}`, { cause })
  }
  throw new GatewayError('CONFIG_INVALID', `the line says ${type}, the key itself something else`)
}

const keyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']

/** By which a key of this type signs; none: it is not taken. */
export function algorithmsOf(type: string): readonly HostKeyAlgorithm[] {
  if (type === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256']
  return hostKeyAlgorithms.filter((algorithm) => algorithm === type)
}
