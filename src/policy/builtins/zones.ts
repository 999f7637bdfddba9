import { BuiltinError } from './operands.ts'
import names from './zones.json' with { type: 'json' }

/** A time zone. Instants and offsets are whole seconds, offsets east of UTC; before 1900 they have seconds of their own. */
export interface Zone {
  offsetAt(unixSeconds: number): number
  /** As Go writes it where a layout says `MST`; undefined when no name is known for that offset. */
  abbreviationAt(unixSeconds: number, offset: number): string | undefined
}

export const utc: Zone = { offsetAt: () => 0, abbreviationAt: () => 'UTC' }

/** Zones at once in memory; a formatter of Intl is large, and slow to make. */
const cachedMost = 64
const cached = new Map<string, Zone>()

/** `""` and `UTC`, `Local` (the zone of this process), or a name of the IANA database in its exact spelling. */
export function zoneNamed(name: string): Zone {
  if (name === '' || name === 'UTC') return utc
  const known = cached.get(name)
  if (known !== undefined) return known
  const zone = open(name === 'Local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name)
  if (cached.size >= cachedMost) cached.clear()
  cached.set(name, zone)
  return zone
}

const eraTexts: Readonly<Record<string, string>> = names

function open(name: string): Zone {
  const text = Object.hasOwn(eraTexts, name) ? eraTexts[name] : undefined
  if (text === undefined) throw new BuiltinError(`unknown time zone ${name}`)
  const eras = readEras(text.startsWith('=') ? (eraTexts[text.slice(1)] ?? '') : text)
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  return {
    offsetAt: (unixSeconds) => readOffset(formatter.format(unixSeconds * 1000)),
    abbreviationAt: (unixSeconds, offset) => eras.findLast(({ from }) => from <= unixSeconds)?.names.get(offset),
  }
}

/** Of a text that ends in `GMT`, `GMT+01:00` or `GMT-00:25:21`. */
function readOffset(text: string): number {
  const [, sign, hours, minutes, seconds = '0'] = /GMT(?:([-+])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text) ?? []
  if (sign === undefined) return 0
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  return sign === '-' ? -offset : offset
}

interface Era {
  readonly from: number
  readonly names: ReadonlyMap<number, string>
}

/** See bin/zones.ts, which writes them. */
function readEras(text: string): readonly Era[] {
  return text.split(';').map((era) => {
    const [from, names] = era.includes(':') ? era.split(':', 2) : ['-Infinity', era]
    const pairs = (names ?? '').split(',').map((pair) => pair.split('=', 2) as [string, string])
    return { from: Number(from), names: new Map(pairs.map(([offset, name]) => [Number(offset), name])) }
  })
}
