import type { ParsedKey } from 'ssh2'
import { utils } from './ssh2.ts'

/** The only kind that is served with a certificate: every client that takes host certificates takes these. */
export const certifiedType = 'ssh-ed25519-cert-v01@openssh.com'

/** A host key that is shown by a certificate over it, in its wire form; ssh2 asks a key for nothing more. */
export const certified = (key: ParsedKey, certificate: Buffer): ParsedKey =>
  Object.create(key, { getPublicSSH: { value: () => certificate } }) as ParsedKey

/** ssh2 offers what a key says of its type. */
export const offeredAsCertified = (key: ParsedKey): ParsedKey =>
  Object.create(key, { type: { value: certifiedType } }) as ParsedKey

/** Of several host keys the one that can have a certificate: ssh2 serves with the first of each type. */
export function certifiable(hostKeys: readonly Buffer[]): ParsedKey | undefined {
  return hostKeys
    .map((text) => utils.parseKey(text) as ParsedKey | Error)
    .find((key): key is ParsedKey => !(key instanceof Error) && key.type === 'ssh-ed25519')
}
