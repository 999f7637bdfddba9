import { type Address, cidrContains, parseCidr } from '../model/address.ts'
import { printable } from '../model/text.ts'
import { wildcardMatches } from '../model/wildcard.ts'

/** Where a key may come from: `from="…"` of authorized_keys. */
export type SourceList = readonly SourcePattern[]
interface SourcePattern {
  /** As it was written. */
  readonly text: string
  readonly negated: boolean
  readonly matches: (address: Address) => boolean
}

const patternsMost = 256
const patternMost = 64

/**
 * Addresses, CIDRs and addresses with `*` and `?`, separated by commas, with `!` before what is left out (sshd(8), from;
 * ssh_config(5), PATTERNS). Names of hosts are refused: nobody looks them up here, and `!name` would leave nothing out.
 */
export function parseSourceList(text: string, refuse: (what: string) => undefined): SourceList | undefined {
  const written = text.split(',')
  if (written.length > patternsMost) return refuse(`from has more than ${patternsMost} patterns`)
  const patterns = written.map((pattern) => parsePattern(pattern) ?? refuse(fault(pattern)))
  const read = patterns.filter((pattern) => pattern !== undefined)
  if (read.length < written.length) return undefined
  if (read.some(({ negated }) => !negated)) return read
  return refuse('from leaves out and lets in nobody: add a pattern without !')
}

const fault = (pattern: string): string =>
  `from: ${JSON.stringify(printable(pattern, 80))} is no address, CIDR or address with * and ? (names are not looked up)`

function parsePattern(text: string): SourcePattern | undefined {
  const negated = text.startsWith('!')
  const pattern = (negated ? text.slice(1) : text).toLowerCase()
  const cidr = parseCidr(pattern)
  if (cidr !== undefined) return { text, negated, matches: (address) => cidrContains(cidr, address) }
  const wild = /^(?=.*[*?])(?:[0-9.*?]+|[0-9a-f:.*?]*:[0-9a-f:.*?]*)$/.test(pattern) && pattern.length <= patternMost
  return wild ? { text, negated, matches: (address) => wildcardMatches(pattern, address) } : undefined
}

/** What is left out weighs more than what is let in, wherever it stands (addrmatch.c, addr_match_list). */
export const sourceMatches = (list: SourceList, address: Address): boolean =>
  list.some((pattern) => !pattern.negated && pattern.matches(address)) &&
  !list.some((pattern) => pattern.negated && pattern.matches(address))
