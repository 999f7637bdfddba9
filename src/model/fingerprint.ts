import { createHash } from 'node:crypto'
import type { Fingerprint } from './units.ts'

/** Of a public key in its wire form (RFC 4253 section 6.6), as `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Uint8Array): Fingerprint {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}` as Fingerprint
}
