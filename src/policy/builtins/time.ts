import { arrayValue, integerValue, stringValue, type Value } from '../value.ts'
import { parseDuration } from './duration.ts'
import { daysIn, instantOperand, type Local, localOf, nsOf, nsPerSecond } from './instant.ts'
import { layoutNamed, rfc3339, rfc3339Nano, weekdays } from './layout.ts'
import { formatTime } from './layout-format.ts'
import { parseTime } from './layout-parse.ts'
import { type Builtin, int64Operand, stringOperand } from './operands.ts'

/** `time.now_ns`: the same in all of an evaluation. */
export const nowNs: Builtin = (_operands, call) => integerValue(call.nowNs)

export const parseNs: Builtin = (operands) => {
  const [layout, value] = [stringOperand(operands, 0), stringOperand(operands, 1)]
  return integerValue(parseTime(layoutNamed(layout), value))
}

export const parseRfc3339Ns: Builtin = (operands) => integerValue(parseTime(rfc3339, stringOperand(operands, 0)))

export const parseDurationNs: Builtin = (operands) => integerValue(parseDuration(stringOperand(operands, 0)))

export const format: Builtin = (operands) => {
  const instant = instantOperand(operands, 0)
  return stringValue(formatTime(localOf(instant), instant.layout === '' ? rfc3339Nano : layoutNamed(instant.layout)))
}

export const date: Builtin = (operands) => {
  const { year, month, day } = localOf(instantOperand(operands, 0))
  return integers([year, month, day])
}

export const clock: Builtin = (operands) => {
  const { hour, minute, second } = localOf(instantOperand(operands, 0))
  return integers([hour, minute, second])
}

export const weekday: Builtin = (operands) => stringValue(weekdays[localOf(instantOperand(operands, 0)).weekday] ?? '')

/** `time.add_date`: the clock stays what it is in the zone; a day that a month lacks counts into the next (Go's AddDate). */
export const addDate: Builtin = (operands) => {
  const instant = instantOperand(operands, 0)
  const [years, months, days] = [1, 2, 3].map((at) => int64Operand(operands, at)) as [bigint, bigint, bigint]
  const local = localOf(instant)
  const moved = {
    year: BigInt(local.year) + years,
    month: BigInt(local.month) + months,
    day: BigInt(local.day) + days,
    ns: BigInt(secondsOfDay(local)) * nsPerSecond + BigInt(local.nanosecond),
  }
  return integerValue(nsOf(moved, instant.zone))
}

const secondsOfDay = ({ hour, minute, second }: Local): number => (hour * 60 + minute) * 60 + second

/**
 * `time.diff`: `[years, months, days, hours, minutes, seconds]` between two instants, never negative, as the calendar of
 * the first one's zone shows them. A day that is borrowed has the length of the earlier one's month.
 */
export const diff: Builtin = (operands) => {
  const [one, other] = [instantOperand(operands, 0), instantOperand(operands, 1)]
  const inOneZone = { ns: other.ns, zone: one.zone }
  const [from, to] = one.ns > other.ns ? [localOf(inOneZone), localOf(one)] : [localOf(one), localOf(inOneZone)]
  const clockSeconds = secondsOfDay(to) - secondsOfDay(from)
  const dayBorrowed = clockSeconds < 0 ? 1 : 0
  const days = to.day - from.day - dayBorrowed
  const monthBorrowed = days < 0 ? 1 : 0
  const months = (to.year - from.year) * 12 + to.month - from.month - monthBorrowed
  const rest = clockSeconds + dayBorrowed * 86_400
  return integers([
    Math.floor(months / 12),
    months - Math.floor(months / 12) * 12,
    days + monthBorrowed * daysIn(from.year, from.month),
    Math.floor(rest / 3600),
    Math.floor(rest / 60) % 60,
    rest % 60,
  ])
}

const integers = (numbers: readonly number[]): Value => arrayValue(numbers.map(integerValue))
