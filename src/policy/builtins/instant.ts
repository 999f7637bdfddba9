import { isInt64, nanosecondsOf } from '../number.ts'
import type { Value } from '../value.ts'
import { BuiltinError, operand, stringOperand, wrongType } from './operands.ts'
import { utc, type Zone, zoneNamed } from './zones.ts'

/** A moment as a place sees it. */
export interface Instant {
  /** Since 1970; has 64 bits: 1677 to 2262. */
  readonly ns: bigint
  readonly zone: Zone
}

/** What a calendar and a clock show. */
export interface Local {
  readonly year: number
  /** 1 is January. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** 1 is the first of January. */
  readonly yearDay: number
  /** Seconds east of UTC. */
  readonly offset: number
  readonly abbreviation: string | undefined
}

export const nsPerSecond = 1_000_000_000n
const secondsPerDay = 86_400n

/** The operand of most of `time.*`: nanoseconds, or `[nanoseconds]`, `[nanoseconds, zone]`, `[nanoseconds, zone, layout]`. */
export function instantOperand(operands: readonly Value[], at: number): Instant & { readonly layout: string } {
  const value = operand(operands, at)
  const wanted = 'either number (ns) or [number (ns), string (tz)]'
  const parts = value.type === 'array' ? value.items : [value]
  const [ns] = parts
  if (ns === undefined || (value.type !== 'array' && value.type !== 'number')) throw wrongType(0, value, wanted)
  if (ns.type !== 'number') throw wrongType(0, ns, 'number')
  const zone = parts.length > 1 ? zoneNamed(stringOperand(parts, 1)) : utc
  const layout = parts.length > 2 ? stringOperand(parts, 2) : ''
  const whole = nanosecondsOf(ns.text)
  if (whole === undefined) throw new BuiltinError('timestamp too big')
  return { ns: whole, zone, layout }
}

const secondsOf = (ns: bigint): number => Number((ns - modulo(ns, nsPerSecond)) / nsPerSecond)

export function localOf({ ns, zone }: Instant): Local {
  const seconds = secondsOf(ns)
  const offset = zone.offsetAt(seconds)
  // A Date in UTC is a calendar without zones.
  const shown = new Date((seconds + offset) * 1000)
  const [year, month] = [shown.getUTCFullYear(), shown.getUTCMonth()]
  return {
    year,
    month: month + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
    nanosecond: Number(modulo(ns, nsPerSecond)),
    weekday: shown.getUTCDay(),
    yearDay: (Date.UTC(year, month, shown.getUTCDate()) - Date.UTC(year, 0, 1)) / 86_400_000 + 1,
    offset,
    abbreviation: zone.abbreviationAt(seconds, offset),
  }
}

export interface WallClock {
  readonly year: bigint
  /** 1 is January; what is beyond 12 or below 1 counts into other years. */
  readonly month: bigint
  /** What is beyond the month counts into others. */
  readonly day: bigint
  /** Since midnight. */
  readonly ns: bigint
}

/**
 * The nanoseconds since 1970 of what a calendar and a clock in a zone show; Go's time.Date, so that a time which clocks
 * leave out or show twice is read with the offset before the change. Throws for what has no 64-bit nanoseconds.
 */
export function nsOf(clock: WallClock, zone: Zone): bigint {
  const asUtc = daysSince1970(clock.year, clock.month, clock.day) * secondsPerDay * nsPerSecond + clock.ns
  // Beyond any offset from what can be told.
  if (!isInt64(asUtc / 2n)) throw outOfRange()
  const seconds = secondsOf(asUtc)
  const guess = zone.offsetAt(seconds)
  const offset = guess === 0 ? 0 : zone.offsetAt(seconds - guess)
  const ns = asUtc - BigInt(offset) * nsPerSecond
  if (!isInt64(ns)) throw outOfRange()
  return ns
}

const outOfRange = (): BuiltinError => new BuiltinError('time outside of valid range')

/** Of the Gregorian calendar, for all time. Years are counted from March, so that the leap day is the last. */
function daysSince1970(year: bigint, month: bigint, day: bigint): bigint {
  const sinceMarch = year * 12n + month - 3n
  const [y, m] = [(sinceMarch - modulo(sinceMarch, 12n)) / 12n, modulo(sinceMarch, 12n)]
  const floor = (value: bigint, by: bigint) => (value - modulo(value, by)) / by
  const leapDays = floor(y, 4n) - floor(y, 100n) + floor(y, 400n)
  return y * 365n + leapDays + (153n * m + 2n) / 5n + day - 719_469n
}

/** Never negative. */
const modulo = (value: bigint, by: bigint): bigint => ((value % by) + by) % by

export const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
