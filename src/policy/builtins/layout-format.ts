import type { Local } from './instant.ts'
import { chunksOf, isFraction, isOffset, months, weekdays } from './layout.ts'

/** Go's Time.Format. */
export function formatTime(time: Local, layout: string): string {
  return chunksOf(layout)
    .map(({ literal, element }) => literal + (element === undefined ? '' : formatElement(time, element)))
    .join('')
}

function formatElement(time: Local, element: string): string {
  if (isFraction(element)) return fraction(time.nanosecond, element)
  if (isOffset(element)) return offset(time.offset, element)
  return writers[element]?.(time) ?? element
}

const padded = (value: number, width: number, fill = '0'): string => value.toString().padStart(width, fill)
const monthName = ({ month }: Local): string => months[month - 1] ?? ''
const weekdayName = ({ weekday }: Local): string => weekdays[weekday] ?? ''
const hour12 = ({ hour }: Local): number => hour % 12 || 12

const writers: Readonly<Record<string, (time: Local) => string>> = {
  '2006': ({ year }) => padded(year, 4),
  '06': ({ year }) => padded(year % 100, 2),
  'January': monthName,
  'Jan': (time) => monthName(time).slice(0, 3),
  '1': ({ month }) => padded(month, 1),
  '01': ({ month }) => padded(month, 2),
  'Monday': weekdayName,
  'Mon': (time) => weekdayName(time).slice(0, 3),
  '2': ({ day }) => padded(day, 1),
  '_2': ({ day }) => padded(day, 2, ' '),
  '02': ({ day }) => padded(day, 2),
  '__2': ({ yearDay }) => padded(yearDay, 3, ' '),
  '002': ({ yearDay }) => padded(yearDay, 3),
  '15': ({ hour }) => padded(hour, 2),
  '3': (time) => padded(hour12(time), 1),
  '03': (time) => padded(hour12(time), 2),
  '4': ({ minute }) => padded(minute, 1),
  '04': ({ minute }) => padded(minute, 2),
  '5': ({ second }) => padded(second, 1),
  '05': ({ second }) => padded(second, 2),
  'PM': ({ hour }) => (hour >= 12 ? 'PM' : 'AM'),
  'pm': ({ hour }) => (hour >= 12 ? 'pm' : 'am'),
  // Go's way out where a zone has no name.
  'MST': (time) => time.abbreviation ?? offset(time.offset, '-0700'),
}

/** `.000` keeps zeros at the end, `.999` drops them, and the point with them. */
function fraction(nanosecond: number, element: string): string {
  const digits = padded(nanosecond, 9).slice(0, element.length - 1)
  if (element[1] === '0') return `${element[0]}${digits}`
  const trimmed = digits.replace(/0+$/, '')
  return trimmed === '' ? '' : `${element[0]}${trimmed}`
}

/** Seconds are shown only where the layout has them. */
function offset(seconds: number, element: string): string {
  if (seconds === 0 && element.startsWith('Z')) return 'Z'
  const minutes = Math.trunc(Math.abs(seconds) / 60)
  // An offset of less than a minute is not negative in whole minutes.
  const sign = seconds < 0 && minutes > 0 ? '-' : '+'
  // What Go then shows as its seconds is the remainder of the offset as it is, which may be negative.
  const rest = sign === '-' ? -seconds % 60 : seconds % 60
  const parts = [padded(Math.trunc(minutes / 60), 2)]
  if (element.length > 3) parts.push(padded(minutes % 60, 2))
  if (element.length > 6) parts.push(rest < 0 ? `-${padded(-rest, 2)}` : padded(rest, 2))
  return `${sign}${parts.join(element.includes(':') ? ':' : '')}`
}
