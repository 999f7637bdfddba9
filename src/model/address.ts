import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An IP address in one spelling: IPv4 dotted, IPv6 as RFC 5952 has it, and an IPv4-mapped IPv6 address as IPv4. */
export type Address = string & { readonly kind: 'address' }
/** An address and the number of its leading bits that count, `10.0.0.0/8`. */
export type Cidr = string & { readonly kind: 'cidr' }
/** How far from the place of a sign-in its login still serves. */
export type Nearness = 'address' | 'prefix' | 'anywhere'

/**
 * Only what `inet_pton` reads: no octal, no short forms, no zone. Undefined for anything else.
 * The mapped form must not stand in a policy input: `net.cidr_contains` compiled to WASM says no where OPA says yes.
 */
export function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined
  return ipaddr.process(text).toString() as Address
}

/** Bits beyond the prefix must be zero, as sshd demands of `source-address` (addr.c, addr_pton_cidr). */
export function parseCidr(text: string): Cidr | undefined {
  const [host = '', length, ...rest] = text.split('/')
  const address = parseAddress(host)
  if (address === undefined || rest.length > 0 || address.includes(':') !== host.includes(':')) return undefined
  const bits = address.includes(':') ? 128 : 32
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return undefined
  const cidr = `${address}/${prefix}` as Cidr
  return networkOf(address, prefix) === address ? cidr : undefined
}

export function cidrContains(cidr: Cidr, address: Address): boolean {
  const [network, prefix] = ipaddr.parseCIDR(cidr)
  const candidate = ipaddr.parse(address)
  return candidate.kind() === network.kind() && candidate.match(network, prefix)
}

/** The address alone. */
export const hostCidr = (address: Address): Cidr => `${address}/${address.includes(':') ? 128 : 32}` as Cidr

/** Whether all of one network lies in the other. */
export function cidrCovers(wide: Cidr, narrow: Cidr): boolean {
  const [network, prefix] = ipaddr.parseCIDR(wide)
  const [other, otherPrefix] = ipaddr.parseCIDR(narrow)
  return other.kind() === network.kind() && prefix <= otherPrefix && other.match(network, prefix)
}

/** What counts as one place: an IPv4 address or an IPv6 /64 for limits, /24 and /64 for a cached login. */
export const limitPrefix = (address: Address): Cidr => prefixOf(address, 32, 64)
export function loginPrefix(address: Address, nearness: Nearness): string {
  if (nearness === 'anywhere') return '*'
  return nearness === 'address' ? prefixOf(address, 32, 128) : prefixOf(address, 24, 64)
}

function prefixOf(address: Address, bitsOf4: number, bitsOf6: number): Cidr {
  const bits = address.includes(':') ? bitsOf6 : bitsOf4
  return `${networkOf(address, bits)}/${bits}` as Cidr
}

function networkOf(address: string, prefix: number): string {
  const parsed = ipaddr.parse(address)
  const bytes = parsed
    .toByteArray()
    .map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * index))))
  return ipaddr.fromByteArray(bytes).toString()
}
