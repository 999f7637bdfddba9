import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { WireReader } from '../model/wire.ts'
import { type HostKeyAlgorithm, hostKeyAlgorithms } from './algorithms.ts'

/** The keys by which a target is known. Never empty in use: a target without one is not gone to. */
export interface KnownHostKeys {
  readonly keys: readonly HostKey[]
}
export interface HostKey {
  readonly type: string
  readonly blob: Buffer
}

/** One public key as it stands in a `.pub` file or a known_hosts line: `ssh-ed25519 AAAA… comment`. */
export function parseHostKey(text: string): HostKey {
  const [type = '', base64 = ''] = text.trim().split(/\s+/)
  const blob = Buffer.from(base64, 'base64')
  if (blob.length === 0 || blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    throw new GatewayError('CONFIG_INVALID', 'not a public key: expected "ssh-ed25519 AAAA…"')
  const written = new WireReader(blob).ascii()
  if (written !== type || algorithmsOf(type).length === 0)
    throw new GatewayError('CONFIG_INVALID', `a host key of type ${type} is not taken; known: ${keyTypes.join(', ')}`)
  return { type, blob }
}

const keyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']

function algorithmsOf(type: string): readonly HostKeyAlgorithm[] {
  if (type === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256']
  return hostKeyAlgorithms.filter((algorithm) => algorithm === type)
}

/**
 * What to ask the target for, so that it shows a key that can be known (OpenSSH: sshconnect2.c, order_hostkeyalgs); a
 * target with several keys would else show whichever it likes.
 */
export const algorithmsFor = (known: KnownHostKeys): readonly HostKeyAlgorithm[] =>
  hostKeyAlgorithms.filter((algorithm) => known.keys.some((key) => algorithmsOf(key.type).includes(algorithm)))

/** Pure and total: the key is one of the known ones, or an error says which of the two refusals it is. */
export function checkHostKey(known: KnownHostKeys, shown: Buffer): void {
  if (known.keys.some((key) => key.blob.equals(shown))) return
  const fingerprint = fingerprintOf(shown)
  if (known.keys.length === 0)
    throw new GatewayError('HOST_KEY_UNKNOWN', `no host key is known; it showed ${fingerprint}`)
  const expected = known.keys.map((key) => fingerprintOf(key.blob)).join(', ')
  throw new GatewayError('HOST_KEY_MISMATCH', `the host showed ${fingerprint}, known: ${expected}`)
}

/**
 * The keys that a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) has for a host: plain and hashed names,
 * `[host]:port`, the wildcards and negations of its patterns; a line marked `@revoked` takes its key away everywhere, and
 * one marked `@cert-authority` is passed over, since the gateway does not take host certificates.
 */
export function knownHosts(file: string, host: string, port: number): HostKey[] {
  const name = port === 22 ? host : `[${host}]:${port}`
  const lines = file
    .split('\n')
    .map(parseLine)
    .filter((line) => line !== undefined)
  const revoked = lines.filter((line) => line.marker === '@revoked').map((line) => line.key.blob)
  return lines
    .filter((line) => line.marker === '' && namesHost(line.hosts, name.toLowerCase()))
    .map((line) => line.key)
    .filter((key) => !revoked.some((blob) => blob.equals(key.blob)))
}

function parseLine(line: string): { marker: string; hosts: string; key: HostKey } | undefined {
  const fields = line.trim().split(/\s+/)
  const marker = fields[0]?.startsWith('@') === true ? fields.shift() : ''
  const [hosts = '', type = '', base64 = ''] = fields
  if (marker === undefined || hosts === '' || hosts.startsWith('#')) return undefined
  try {
    return { marker, hosts, key: parseHostKey(`${type} ${base64}`) }
  } catch {
    return undefined // a key of a kind that could not be checked anyway
  }
}

function namesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return hashedNameMatches(hosts, name)
  const patterns = hosts.toLowerCase().split(',')
  const denied = patterns
    .filter((pattern) => pattern.startsWith('!'))
    .some((pattern) => matches(pattern.slice(1), name))
  return !denied && patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern, name))
}

function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\*+/g, '[^]*')
    .replaceAll('?', '[^]')
  return pattern.length <= 256 && new RegExp(`^${source}$`).test(name)
}

/** `|1|salt|HMAC-SHA1(salt, name)`, both base64 (OpenSSH: hostfile.c, host_hash). */
function hashedNameMatches(hashed: string, name: string): boolean {
  const [, , salt = '', digest = ''] = hashed.split('|')
  const expected = Buffer.from(digest, 'base64')
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest()
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** A key as `host_keys` and known_hosts write it. */
export const hostKeyText = (blob: Buffer): string => `${new WireReader(blob).ascii()} ${blob.toString('base64')}`
