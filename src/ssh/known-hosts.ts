import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { wildcardMatches } from '../model/wildcard.ts'
import { type HostKey, parseHostKey } from './host-key.ts'
import type { KnownHostKeys } from './host-keys.ts'

/** A known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHosts {
  readonly lines: readonly Line[]
  /** What does not read. Such a line says nothing; one that takes a key away closes the whole file. */
  readonly faults: readonly Fault[]
}
interface Line {
  readonly marker: Marker
  readonly names: (name: string) => boolean
  readonly key: HostKey
}
interface Fault {
  /** From 1. */
  readonly line: number
  readonly message: string
  readonly closes: boolean
}
type Marker = '' | '@revoked' | '@cert-authority'

const patternMost = 256
const markers: readonly string[] = ['@revoked', '@cert-authority']

export function readKnownHosts(text: string): KnownHosts {
  const lines: Line[] = []
  const faults: Fault[] = []
  for (const [index, written] of text.split('\n').entries()) {
    const fields = written.trim().split(/\s+/)
    const [first = ''] = fields
    if (first === '' || first.startsWith('#')) continue
    try {
      const line = readLine(fields)
      if (line !== undefined) lines.push(line)
    } catch (thrown) {
      const message = (thrown as Error).message
      faults.push({ line: index + 1, message, closes: first.toLowerCase() === '@revoked' })
    }
  }
  return { lines, faults }
}

/** Undefined for a key of a kind that no host is asked for, and that is therefore never held against anything. */
function readLine(fields: string[]): Line | undefined {
  const marker = fields[0]?.startsWith('@') === true ? (fields.shift() ?? '') : ''
  if (marker !== '' && !markers.includes(marker)) throw invalid(`unknown marker ${printable(marker, 40)}`)
  const [hosts = '', type = '', base64 = ''] = fields
  if (base64 === '') throw invalid('expected: [marker] hosts type base64')
  const names = readNames(hosts)
  if (marker === '@revoked') return { marker, names, key: { type, blob: fromBase64(base64) } }
  if (marker === '' && !isOfferedKind(type)) {
    fromBase64(base64)
    return undefined
  }
  return { marker: marker as Marker, names, key: parseHostKey(`${type} ${base64}`) }
}

/** Of an old RSA line for protocol 1 the type is a number; `ssh-dss` and FIDO host keys are not asked for. */
const isOfferedKind = (type: string): boolean => !/^(ssh-dss|sk-(ssh|ecdsa)-.*)$/.test(type)

function fromBase64(text: string): Buffer {
  const blob = Buffer.from(text, 'base64')
  if (blob.length === 0 || blob.toString('base64') !== text) throw invalid('the key is not base64')
  return blob
}

function readNames(hosts: string): Line['names'] {
  if (hosts.startsWith('|')) return hashedName(hosts)
  const patterns = hosts.toLowerCase().split(',')
  if (patterns.some((pattern) => pattern.length > patternMost || /^!?$/.test(pattern)))
    throw invalid('an empty pattern, or one of more than 256 characters')
  const denied = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  const named = patterns.filter((pattern) => !pattern.startsWith('!'))
  return (name) =>
    !denied.some((pattern) => wildcardMatches(pattern, name)) && named.some((pattern) => wildcardMatches(pattern, name))
}

/** `|1|salt|HMAC-SHA1(salt, name)`, both base64 (OpenSSH: hostfile.c, host_hash). */
function hashedName(hosts: string): Line['names'] {
  const [, salt = '', digest = ''] = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/.exec(hosts) ?? []
  const [key, expected] = [Buffer.from(salt, 'base64'), Buffer.from(digest, 'base64')]
  if (expected.length !== 20 || key.length !== 20) throw invalid('a hashed name that does not read')
  return (name) => timingSafeEqual(expected, createHmac('sha1', key).update(name).digest())
}

/**
 * What the file says of a host. A port other than 22 stands in brackets, `[host]:port`; a certificate authority serves under
 * the name alone as well, since its certificates say nothing of ports. A revoked key is one everywhere, whatever hosts its
 * line names. Throws HOST_KEY_UNKNOWN for a file whose revocations do not all read.
 */
export function keysIn({ lines, faults }: KnownHosts, host: string, port: number): KnownHostKeys {
  const broken = faults.find(({ closes }) => closes)
  if (broken !== undefined)
    throw new GatewayError('HOST_KEY_UNKNOWN', `line ${broken.line}: a revoked key that does not read`)
  const plain = host.toLowerCase()
  const name = port === 22 ? plain : `[${plain}]:${port}`
  const marked = (marker: Marker, fits: (line: Line) => boolean): HostKey[] =>
    lines.filter((line) => line.marker === marker && fits(line)).map(({ key }) => key)
  return {
    keys: marked('', ({ names }) => names(name)),
    authorities: marked('@cert-authority', ({ names }) => names(name) || names(plain)),
    revoked: marked('@revoked', () => true).map(({ blob }) => blob),
  }
}

const invalid = (what: string): GatewayError => new GatewayError('CONFIG_INVALID', what)
