import { daysIn, nsOf, nsPerSecond } from './instant.ts'
import { type Chunk, chunksOf, isFraction, isOffset, months, weekdays } from './layout.ts'
import { BuiltinError } from './operands.ts'
import { utc } from './zones.ts'

/**
 * Go's time.Parse, in nanoseconds since 1970. A zone abbreviation but `UTC` counts as UTC, as it does in Go on a machine
 * whose own zone is UTC; numeric offsets count as they are.
 */
export function parseTime(layout: string, value: string): bigint {
  const fields: Fields = { ...blank }
  const chunks = chunksOf(layout)
  let rest = value
  for (const [at, chunk] of chunks.entries()) {
    try {
      rest = skip(rest, chunk.literal)
      if (chunk.element !== undefined) rest = readElement(fields, chunk.element, rest, chunks[at + 1])
      else if (rest !== '') throw new Mismatch('extra text')
    } catch (thrown) {
      if (!(thrown instanceof Mismatch)) throw thrown
      const where = JSON.stringify(chunk.element ?? chunk.literal)
      throw new BuiltinError(
        `parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: ${thrown.message} (${where})`,
      )
    }
  }
  return instantOf(fields)
}

/** What the value says where the layout has an element. */
class Mismatch extends Error {}

interface Fields {
  year: number
  month: number | undefined
  day: number | undefined
  yearDay: number | undefined
  hour: number
  minute: number
  second: number
  nanosecond: number
  half: 'am' | 'pm' | undefined
  isUtc: boolean
  /** Seconds east of UTC. */
  offset: number | undefined
}
const blank: Fields = {
  year: 0,
  month: undefined,
  day: undefined,
  yearDay: undefined,
  hour: 0,
  minute: 0,
  second: 0,
  nanosecond: 0,
  half: undefined,
  isUtc: false,
  offset: undefined,
}

/** Blanks in the layout stand for any number of them in the value, but there must be one unless the value ends. */
function skip(value: string, literal: string): string {
  let rest = value
  for (let at = 0; at < literal.length; at++) {
    if (literal[at] === ' ') {
      if (rest !== '' && rest[0] !== ' ') throw new Mismatch('cannot parse')
      while (literal[at + 1] === ' ') at++
      rest = rest.replace(/^ +/, '')
    } else if (rest[0] === literal[at]) rest = rest.slice(1)
    else throw new Mismatch('cannot parse')
  }
  return rest
}

type Reader = (fields: Fields, value: string) => string

function readElement(fields: Fields, element: string, value: string, next: Chunk | undefined): string {
  if (isFraction(element)) return readFraction(fields, element, value)
  if (isOffset(element)) return readOffset(fields, element, value)
  const rest = readers[element]?.(fields, value)
  if (rest === undefined) throw new Mismatch('cannot parse')
  // A fraction may follow the seconds though the layout says nothing of it.
  const [text = ''] = /^[.,]\d+/.exec(rest) ?? []
  const isSecond = element === '5' || element === '05'
  if (!isSecond || text === '' || (next?.element !== undefined && isFraction(next.element))) return rest
  fields.nanosecond = nanosecondsIn(text)
  return rest.slice(text.length)
}

/** Takes what the pattern matches at the start, gives it to `keep`, and answers the rest. */
const reading =
  (pattern: RegExp, keep: (fields: Fields, text: string) => void): Reader =>
  (fields, value) => {
    const text = pattern.exec(value)?.[0]
    if (text === undefined) throw new Mismatch('cannot parse')
    keep(fields, text)
    return value.slice(text.length)
  }

const within = (text: string, least: number, most: number, what: string): number => {
  const number = Number(text)
  if (number < least || number > most) throw new Mismatch(`${what} out of range`)
  return number
}

const oneOrTwo = /^\d\d?/
const two = /^\d\d/
const names = (list: readonly string[]) => new RegExp(`^(?:${list.join('|')})`, 'i')
const place = (list: readonly string[], text: string) =>
  list.findIndex((name) => name.toLowerCase().startsWith(text.toLowerCase()))
const short = (list: readonly string[]) => list.map((name) => name.slice(0, 3))

const month = (pattern: RegExp) => reading(pattern, (f, text) => (f.month = within(text, 1, 12, 'month')))
const monthName = (list: readonly string[]) => reading(names(list), (f, text) => (f.month = place(months, text) + 1))
const weekday = (list: readonly string[]) => reading(names(list), () => {})
const day = (pattern: RegExp) => reading(pattern, (f, text) => (f.day = Number(text)))
const yearDay = (pattern: RegExp) => reading(pattern, (f, text) => (f.yearDay = Number(text)))
const hour = (pattern: RegExp, most: number) => reading(pattern, (f, text) => (f.hour = within(text, 0, most, 'hour')))
const minute = (pattern: RegExp) => reading(pattern, (f, text) => (f.minute = within(text, 0, 59, 'minute')))
const second = (pattern: RegExp) => reading(pattern, (f, text) => (f.second = within(text, 0, 59, 'second')))

const readers: Readonly<Record<string, Reader>> = {
  '2006': reading(/^\d{4}/, (f, text) => (f.year = Number(text))),
  // Go reads a sign here too.
  '06': reading(/^(?:[-+]\d|\d\d)/, (f, text) => (f.year = Number(text) + (Number(text) >= 69 ? 1900 : 2000))),
  'January': monthName(months),
  'Jan': monthName(short(months)),
  '1': month(oneOrTwo),
  '01': month(two),
  'Monday': weekday(weekdays),
  'Mon': weekday(short(weekdays)),
  '2': day(oneOrTwo),
  '_2': day(/^ ?\d\d?/),
  '02': day(two),
  '__2': yearDay(/^ {0,2}\d{1,3}/),
  '002': yearDay(/^\d{3}/),
  '15': hour(oneOrTwo, 23),
  '3': hour(oneOrTwo, 12),
  '03': hour(two, 12),
  '4': minute(oneOrTwo),
  '04': minute(two),
  '5': second(oneOrTwo),
  '05': second(two),
  'PM': reading(/^[AP]M/, (f, text) => (f.half = text === 'PM' ? 'pm' : 'am')),
  'pm': reading(/^[ap]m/, (f, text) => (f.half = text === 'pm' ? 'pm' : 'am')),
  'MST': reading(
    /^(?=.{3})(?:UTC|ChST|MeST|GMT(?:[-+]0*(?:1?\d|2[0-3])(?!\d))?|[-+]0*(?:1?\d|2[0-3])(?!\d)|(?:[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3})(?![A-Z]))/s,
    (f, text) => (f.isUtc ||= text === 'UTC'),
  ),
}

/** `.000` wants as many digits as it has zeros, `.999` takes any number of them, none included. */
function readFraction(fields: Fields, element: string, value: string): string {
  const pattern = element[1] === '0' ? new RegExp(`^[.,][-+\\d]\\d{${element.length - 2}}`) : /^(?:[.,]\d+)?/
  const text = pattern.exec(value)?.[0]
  if (text === undefined) throw new Mismatch('cannot parse')
  if (text !== '') fields.nanosecond = nanosecondsIn(text)
  return value.slice(text.length)
}

/** Of a point and digits. Go reads a sign before the digits as well; what is finer than a nanosecond is dropped. */
function nanosecondsIn(text: string): number {
  const digits = text.slice(1, 10)
  const number = Number(digits)
  if (Number.isNaN(number)) throw new Mismatch('cannot parse')
  if (number < 0) throw new Mismatch('fractional second out of range')
  return number * 10 ** (9 - digits.length)
}

const offsets: Readonly<Record<string, RegExp>> = {
  '07': /^(.)(\d\d)/,
  '0700': /^(.)(\d\d)(\d\d)/,
  '07:00': /^(.)(\d\d):(\d\d)/,
  '070000': /^(.)(\d\d)(\d\d)(\d\d)/,
  '07:00:00': /^(.)(\d\d):(\d\d):(\d\d)/,
}

function readOffset(fields: Fields, element: string, value: string): string {
  if (element.startsWith('Z') && value.startsWith('Z')) {
    fields.isUtc = true
    return value.slice(1)
  }
  const match = offsets[element.slice(1)]?.exec(value)
  const [text = '', sign = '', hours = '', minutes = '0', seconds = '0'] = match ?? []
  if (sign !== '+' && sign !== '-') throw new Mismatch('cannot parse')
  // As Go: some people do write offsets of 24 hours, of 60 minutes or seconds.
  const length =
    within(hours, 0, 24, 'time zone offset hour') * 3600 +
    within(minutes, 0, 60, 'time zone offset minute') * 60 +
    within(seconds, 0, 60, 'time zone offset second')
  fields.offset = sign === '-' ? -length : length
  return value.slice(text.length)
}

function instantOf(fields: Fields): bigint {
  const { month, day } = dateOf(fields)
  if (day < 1 || day > daysIn(fields.year, month)) throw new BuiltinError('parsing time: day out of range')
  const { half, minute, second, nanosecond } = fields
  const hour =
    half === 'pm' && fields.hour < 12 ? fields.hour + 12 : half === 'am' && fields.hour === 12 ? 0 : fields.hour
  // One second west of UTC is Go's mark for no offset at all.
  const offset = fields.isUtc || fields.offset === undefined || fields.offset === -1 ? 0 : fields.offset
  const seconds = BigInt(hour * 3600 + minute * 60 + second - offset)
  const date = { year: BigInt(fields.year), month: BigInt(month), day: BigInt(day) }
  return nsOf({ ...date, ns: seconds * nsPerSecond + BigInt(nanosecond) }, utc)
}

function dateOf({ year, month, day, yearDay }: Fields): { month: number; day: number } {
  if (yearDay === undefined) return { month: month ?? 1, day: day ?? 1 }
  let [found, left] = [1, yearDay]
  for (; found < 12 && left > daysIn(year, found); found++) left -= daysIn(year, found)
  if (yearDay < 1 || left > daysIn(year, found)) throw new BuiltinError('parsing time: day-of-year out of range')
  if (month !== undefined && month !== found) throw new BuiltinError('parsing time: day-of-year does not match month')
  if (day !== undefined && day !== left) throw new BuiltinError('parsing time: day-of-year does not match day')
  return { month: found, day: left }
}
