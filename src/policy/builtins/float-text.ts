import { roundHalfEven } from '../number.ts'

/** How Go's strconv.FormatFloat writes a float of 64 bits. */
export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X'

/** Precision -1: as many digits as it takes to read the same number back. */
export function formatFloat(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value < 0 ? '-Inf' : '+Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  return `${sign}${formatMagnitude(Math.abs(value), verb, precision)}`
}

function formatMagnitude(value: number, verb: FloatVerb, precision: number): string {
  switch (verb) {
    case 'b': {
      const { mantissa, exponent } = partsOf(value)
      return `${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
    }
    case 'x':
      return hexadecimal(value, precision)
    case 'X':
      return hexadecimal(value, precision).toUpperCase()
    case 'e':
    case 'E': {
      const decimal = precision < 0 ? shortest(value) : rounded(value, precision + 1)
      return scientific(decimal, precision < 0 ? decimal.digits.length - 1 : precision, verb)
    }
    case 'f': {
      const decimal = precision < 0 ? shortest(value) : roundedAt(value, precision)
      return plain(decimal, precision < 0 ? Math.max(decimal.digits.length - decimal.point, 0) : precision)
    }
    case 'g':
    case 'G':
      return general(value, verb, precision)
  }
}

/** 0.`digits` × 10^`point`; no zeros at the end, and no digits at all for 0. */
interface Decimal {
  readonly digits: string
  readonly point: number
}

function shortest(value: number): Decimal {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return trimmed(digits.replace('.', ''), Number(exponent) + 1)
}

/** To so many digits in all. */
function rounded(value: number, count: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  // Of 21 digits the first is where it is in the number itself: no float is so near to a power of ten.
  const point = Number(value.toExponential(20).split('e')[1]) + 1
  return roundedAt(value, count - point)
}

/** No float has more digits after the point. */
const placesMost = 1_074

/** To so many digits after the point; before it when negative. Exact: a tie goes to the even digit. */
function roundedAt(value: number, wanted: number): Decimal {
  const places = Math.min(wanted, placesMost)
  const { mantissa, exponent } = partsOf(value)
  const dividend = mantissa * (exponent > 0 ? 2n ** BigInt(exponent) : 1n) * (places > 0 ? 10n ** BigInt(places) : 1n)
  const divisor = (exponent < 0 ? 2n ** BigInt(-exponent) : 1n) * (places < 0 ? 10n ** BigInt(-places) : 1n)
  const digits = roundHalfEven(dividend, divisor).toString()
  return trimmed(digits, digits.length - places)
}

function trimmed(digits: string, point: number): Decimal {
  const kept = digits.replace(/0+$/, '')
  return kept === '' ? { digits: '', point: 0 } : { digits: kept, point }
}

function scientific({ digits, point }: Decimal, places: number, mark: string): string {
  const exponent = digits === '' ? 0 : point - 1
  const fraction = digits.slice(1, places + 1).padEnd(places, '0')
  const power = Math.abs(exponent).toString().padStart(2, '0')
  return `${digits[0] ?? '0'}${fraction === '' ? '' : `.${fraction}`}${mark}${exponent < 0 ? '-' : '+'}${power}`
}

function plain({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  const fraction = point > 0 ? digits.slice(point) : `${'0'.repeat(Math.min(-point, places))}${digits}`
  return places === 0 ? whole : `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`
}

/** %e for exponents below -4 or not below the precision, else %f; zeros at the end are dropped. */
function general(value: number, verb: 'g' | 'G', precision: number): string {
  const wanted = precision === 0 ? 1 : precision
  const decimal = wanted < 0 ? shortest(value) : rounded(value, wanted)
  const { digits, point } = decimal
  // As many digits as the number has are shown plainly when that needs no zeros before the point.
  const least = wanted > digits.length && digits.length >= point ? digits.length : wanted
  const exponent = digits === '' ? -1 : point - 1
  if (exponent < -4 || exponent >= (wanted < 0 ? 6 : least))
    return scientific(decimal, Math.max(digits.length - 1, 0), verb === 'g' ? 'e' : 'E')
  return plain(decimal, Math.max(digits.length - point, 0))
}

/** `mantissa` × 2^`exponent`, as the 64 bits have them. */
function partsOf(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const power = (bits.getUint16(0) >> 4) & 0x7ff
  const fraction = bits.getBigUint64(0) & (2n ** 52n - 1n)
  return power === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction + 2n ** 52n, exponent: power - 1075 }
}

/** 0x1.8p+01 */
function hexadecimal(value: number, precision: number): string {
  const { mantissa, exponent } = partsOf(value)
  const bits = mantissa === 0n ? 0 : mantissa.toString(2).length
  // A fraction of 60 bits behind a leading 1.
  let scaled = mantissa << BigInt(mantissa === 0n ? 0 : 61 - bits)
  let power = mantissa === 0n ? 0 : exponent + bits - 1
  if (precision >= 0 && precision < 15) {
    const unit = 2n ** BigInt(60 - 4 * precision)
    scaled = roundHalfEven(scaled, unit) * unit
    if (scaled >> 61n) [scaled, power] = [scaled >> 1n, power + 1]
  }
  const digits = (scaled & (2n ** 60n - 1n)).toString(16).padStart(15, '0')
  const fraction = precision < 0 ? digits.replace(/0+$/, '') : digits.padEnd(precision, '0').slice(0, precision)
  const sign = power < 0 ? '-' : '+'
  return `0x${scaled >> 60n}${fraction === '' ? '' : `.${fraction}`}p${sign}${Math.abs(power).toString().padStart(2, '0')}`
}
