import { type Address, type Cidr, cidrContains, parseAddress, parseCidr } from './address.ts'

/** `permit-open@regate` and `permit-listen@regate`: which hosts and ports a forward may name. */
export interface Destination {
  readonly text: string
  readonly host: HostRule
  readonly ports: PortRange
}
export type HostRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'network'; readonly cidr: Cidr }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'suffix'; readonly suffix: string }
/** Both ends count. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

const name = /^(?=.*[a-z_])[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/

/** `host:port`: host is an IP (IPv6 in brackets), a CIDR, a name, `*.suffix` or `*`; port a number, `from-to` or `*`. */
export function parseDestination(text: string): Destination | undefined {
  const [, host, port] = /^(.+):([^:]+)$/.exec(text) ?? []
  return host === undefined || port === undefined ? undefined : assemble(text, parseHost(host), parsePorts(port, 1))
}

/** `[host:]port`; without a host any listening address. Port 0 is what a client asks when the target may choose. */
export function parseListener(text: string): Destination | undefined {
  const [, host = '*', port] = /^(?:(.+):)?([^:]+)$/.exec(text) ?? []
  return port === undefined ? undefined : assemble(text, parseHost(host), parsePorts(port, 0))
}

function assemble(text: string, host: HostRule | undefined, ports: PortRange | undefined): Destination | undefined {
  return host === undefined || ports === undefined ? undefined : { text, host, ports }
}

function parseHost(text: string): HostRule | undefined {
  if (text === '*') return { kind: 'any' }
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1]
  const cidr = parseCidr(bracketed ?? text)
  if (cidr !== undefined)
    return (bracketed ?? text).includes(':') === (bracketed !== undefined) ? { kind: 'network', cidr } : undefined
  const lower = text.toLowerCase()
  if (lower.startsWith('*.')) return name.test(lower.slice(2)) ? { kind: 'suffix', suffix: lower.slice(1) } : undefined
  return name.test(lower) ? { kind: 'name', name: lower } : undefined
}

function parsePorts(text: string, lowest: number): PortRange | undefined {
  if (text === '*') return { from: lowest, to: 65_535 }
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (first === undefined) return undefined
  const range = { from: Number(first), to: Number(last ?? first) }
  return range.from >= lowest && range.to <= 65_535 && range.from <= range.to ? range : undefined
}

/** IPs are compared as numbers, names as names without regard to case, and a name never against an IP rule. */
export function destinationMatches(rule: Destination, host: string, port: number): boolean {
  return (
    port >= rule.ports.from && port <= rule.ports.to && hostMatches(rule.host, host.toLowerCase(), parseAddress(host))
  )
}

function hostMatches(rule: HostRule, host: string, address: Address | undefined): boolean {
  switch (rule.kind) {
    case 'any':
      return true
    case 'network':
      return address !== undefined && cidrContains(rule.cidr, address)
    case 'name':
      return address === undefined && host === rule.name
    case 'suffix':
      // A name that is one: the zone of `fe80::1%eth0.example.com` ends like a name too.
      return address === undefined && name.test(host) && host.length > rule.suffix.length && host.endsWith(rule.suffix)
  }
}
