/**
 * Numbers of Rego: decimal text of any length, never a float on the way. The notations are those that a module may hand
 * over: JSON's, and besides it `+1`, `01`, `.5` and `5.`, which OPA keeps as they were written.
 */

/** `mantissa` × 10^`exponent`. */
interface Decimal {
  readonly mantissa: bigint
  readonly exponent: number
}

const notation = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/
/** Of one number. OPA takes none whose binary exponent is beyond 100,000 (ast.maxNumberExp), about 30,000 digits. */
const digitsMost = 30_103

/** Whether the text is a number at all, and one of a size that can be reckoned with. */
export const isNumberText = (text: string): boolean => readDecimal(text) !== undefined

/** Undefined for what is no number, and for one too large or too small to be handled. */
function readDecimal(text: string): Decimal | undefined {
  const match = text.length > 2 * digitsMost ? null : notation.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  const digits = `${whole}${fraction}`
  if (digits === '' || power.length > 8 || digits.length + Math.abs(Number(power)) > digitsMost) return undefined
  const magnitude = BigInt(digits)
  return { mantissa: sign === '-' ? -magnitude : magnitude, exponent: Number(power) - fraction.length }
}

/** Orders two numbers by what they are worth: `1`, `1.0` and `1e0` are equal, as in OPA (ast.NumberCompare). */
export function compareNumbers(one: string, other: string): number {
  if (one === other) return 0
  if (isShort(one) && isShort(other)) return Number(one) - Number(other)
  const [a, b] = [decimalOf(one), decimalOf(other)]
  const exponent = Math.min(a.exponent, b.exponent)
  const difference = scale(a, exponent) - scale(b, exponent)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const isShort = (text: string): boolean => text.length <= 15 && /^-?\d+$/.test(text)
const scale = ({ mantissa, exponent }: Decimal, to: number): bigint => mantissa * 10n ** BigInt(exponent - to)

function decimalOf(text: string): Decimal {
  const decimal = readDecimal(text)
  if (decimal === undefined) throw new RangeError(`not a number that can be reckoned with: ${text.slice(0, 40)}`)
  return decimal
}

/** The integer it is worth, in whatever notation; undefined for a fraction (builtins.NumberToInt). */
export function integerOf(text: string): bigint | undefined {
  const { mantissa, exponent } = decimalOf(text)
  if (exponent >= 0) return mantissa * 10n ** BigInt(exponent)
  const unit = 10n ** BigInt(-exponent)
  return mantissa % unit === 0n ? mantissa / unit : undefined
}

const int64Least = -(2n ** 63n)
const int64Most = 2n ** 63n - 1n
export const isInt64 = (value: bigint): boolean => value >= int64Least && value <= int64Most

/** What OPA takes where it wants a machine integer: no exponent, a fraction of zeros at most (util.Atoi64). */
export function int64Of(text: string): bigint | undefined {
  const match = /^([-+]?)(?=.)(\d*)(?:\.0*)?$/.exec(text)
  if (match === null || text.length - (match[1]?.length ?? 0) > 19) return undefined
  const value = BigInt(match[2] === '' ? '0' : (match[2] ?? '0'))
  const signed = match[1] === '-' ? -value : value
  return isInt64(signed) ? signed : undefined
}

/**
 * An instant in nanoseconds. OPA reads it into a float of 64 bits of mantissa and wants that to be an int64 exactly
 * (topdown.tzTime): a fraction too small for those bits is lost, any other is refused.
 */
export function nanosecondsOf(text: string): bigint | undefined {
  const { mantissa, exponent } = decimalOf(text)
  if (exponent >= 0) return within(mantissa * 10n ** BigInt(exponent))
  const [magnitude, unit] = [mantissa < 0n ? -mantissa : mantissa, 10n ** BigInt(-exponent)]
  const whole = magnitude / unit
  if (whole === 0n) return mantissa === 0n ? 0n : undefined
  const fractionBits = BigInt(Math.max(0, 64 - whole.toString(2).length))
  const rounded = roundHalfEven(magnitude << fractionBits, unit)
  if (rounded & ((1n << fractionBits) - 1n)) return undefined
  return within(mantissa < 0n ? -(rounded >> fractionBits) : rounded >> fractionBits)
}

const within = (value: bigint): bigint | undefined => (isInt64(value) ? value : undefined)

/** Of two numbers that are not negative. */
export function roundHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  const twice = 2n * (dividend % divisor)
  return twice > divisor || (twice === divisor && quotient & 1n) ? quotient + 1n : quotient
}

/** The same number as JSON writes it (RFC 8259, section 6). */
export function jsonNumber(text: string): string {
  if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text)) return text
  const [, sign = '', whole = '', fraction = '', power] = notation.exec(text) ?? []
  const integer = whole.replace(/^0+(?=\d)/, '')
  return `${sign === '-' ? '-' : ''}${integer === '' ? '0' : integer}${fraction === '' ? '' : `.${fraction}`}${power === undefined ? '' : `e${power}`}`
}
