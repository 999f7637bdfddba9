import { isInt64 } from '../number.ts'
import { formatFloat } from './float-text.ts'
import { BuiltinError } from './operands.ts'

/** Nanoseconds of Go's units (time.ParseDuration). Both signs for micro are taken. */
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}
/** Hours of the units that OPA adds. A year has 365 days. */
const longUnits: Readonly<Record<string, number>> = { d: 24, w: 7 * 24, y: 365 * 24 }

/** `1h30m`, `-1.5h`, `2d12h`, `1y`: nanoseconds, as OPA's time.parse_duration_ns reads them. */
export function parseDuration(text: string): bigint {
  const inGoUnits = /[dwy]/.test(text) ? withoutLongUnits(text) : text
  const ns = inGoUnits === undefined ? undefined : parseGoDuration(inGoUnits)
  if (ns === undefined) throw new BuiltinError(`time: invalid duration ${JSON.stringify(text)}`)
  return ns
}

/** The same length in hours where it had days, weeks and years; undefined when it cannot be read (OPA's duration.peg). */
function withoutLongUnits(text: string): string | undefined {
  const [, sign, segments] = /^([-+]?)((?:[0-9.]+(?:ms|us|\u00b5s|ns|[a-z]))+)$/.exec(text) ?? []
  if (sign === undefined || segments === undefined) return undefined
  let rewritten = sign
  for (const [segment, digits = '', unit = ''] of segments.matchAll(/([0-9.]+)(ms|us|\u00b5s|ns|[a-z])/g)) {
    const hours = longUnits[unit]
    if (hours === undefined) rewritten += segment
    else {
      const product = /^(?:\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) * hours : Number.NaN
      if (!Number.isFinite(product)) return undefined
      rewritten += `${formatFloat(product, 'f', -1)}h`
    }
  }
  return rewritten
}

function parseGoDuration(text: string): bigint | undefined {
  const [, sign = '', unsigned = ''] = /^([-+]?)(.*)$/s.exec(text) ?? []
  if (unsigned === '0') return 0n
  if (unsigned === '') return undefined
  let sum = 0n
  let rest = unsigned
  while (rest !== '') {
    const [segment = '', whole = '', fraction = '', name = ''] = /^(\d*)(?:\.(\d*))?([^.\d]+)/.exec(rest) ?? []
    const unit = Object.hasOwn(units, name) ? units[name] : undefined
    if (unit === undefined || (whole === '' && fraction === '')) return undefined
    sum += BigInt(whole) * unit + fractionOf(fraction, unit)
    // Go counts in 64 bits with the sign beside them.
    if (sum > 2n ** 63n) return undefined
    rest = rest.slice(segment.length)
  }
  const ns = sign === '-' ? -sum : sum
  return isInt64(ns) ? ns : undefined
}

/** Digits after the point, in a float as Go reckons them; those beyond 63 bits are dropped. */
function fractionOf(digits: string, unit: bigint): bigint {
  let [kept, scale] = [0n, 1]
  for (const digit of digits) {
    const next = kept * 10n + BigInt(digit)
    if (kept > (2n ** 63n - 1n) / 10n || next > 2n ** 63n) break
    kept = next
    scale *= 10
  }
  return BigInt(Math.trunc(Number(kept) * (Number(unit) / scale)))
}
