import { canBackquote, isPrint, quote, quoteCharacter } from '../go-quote.ts'
import { type FloatVerb, formatFloat } from './float-text.ts'

/** What is printed, by Go's types. */
export type Argument =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int64' | 'big.Int'; readonly value: bigint }
  | { readonly kind: 'float64'; readonly value: number }

export interface Flags {
  sharp: boolean
  zero: boolean
  plus: boolean
  minus: boolean
  space: boolean
  /** `%#v` and `%+v`: under `%v` the marks mean something else, and are kept apart. */
  sharpV: boolean
  plusV: boolean
  width: number | undefined
  precision: number | undefined
}
export const noFlags: Flags = {
  sharp: false,
  zero: false,
  plus: false,
  minus: false,
  space: false,
  sharpV: false,
  plusV: false,
  width: undefined,
  precision: undefined,
}

export const typeName = ({ kind }: Argument): string => (kind === 'big.Int' ? '*big.Int' : kind)

/** One argument under one verb (fmt.printArg). */
export function formatArgument(argument: Argument, verb: string, flags: Flags): string {
  if (verb === 'T') return padded(truncated(typeName(argument), flags), flags)
  switch (argument.kind) {
    case 'string':
      return formatString(argument, verb, flags)
    case 'int64':
      return formatInteger(argument, verb, flags)
    case 'big.Int':
      return formatBigInteger(argument, verb, flags)
    case 'float64':
      return formatFloatArgument(argument, verb, flags)
  }
}

/** The verb is none for this type: Go says so, and shows the value as `%v` would. */
function badVerb(argument: Argument, verb: string, flags: Flags): string {
  return `%!${verb}(${typeName(argument)}=${formatArgument(argument, 'v', flags)})`
}

/** By characters. Zeros are put to the left only. */
function padded(text: string, { width = 0, minus, zero }: Flags): string {
  const missing = width - Array.from(text).length
  if (missing <= 0) return text
  return minus ? `${text}${' '.repeat(missing)}` : `${(zero ? '0' : ' ').repeat(missing)}${text}`
}

const truncated = (text: string, { precision }: Flags): string =>
  precision === undefined ? text : Array.from(text).slice(0, precision).join('')

function formatString(argument: Argument & { kind: 'string' }, verb: string, flags: Flags): string {
  const { value } = argument
  switch (verb) {
    case 'v':
      return flags.sharpV ? quoted(value, flags) : padded(truncated(value, flags), flags)
    case 's':
      return padded(truncated(value, flags), flags)
    case 'q':
      return quoted(value, flags)
    case 'x':
    case 'X':
      return hexadecimal(value, verb, flags)
    default:
      return badVerb(argument, verb, flags)
  }
}

function quoted(value: string, flags: Flags): string {
  const text = truncated(value, flags)
  return padded(flags.sharp && canBackquote(text) ? `\`${text}\`` : quote(text, flags.plus), flags)
}

/** The bytes of its UTF-8, as many as the precision says. */
function hexadecimal(value: string, verb: 'x' | 'X', flags: Flags): string {
  const { precision, sharp, space } = flags
  const bytes = Array.from(new TextEncoder().encode(value).subarray(0, precision), (byte) =>
    byte.toString(16).padStart(2, '0'),
  )
  if (bytes.length === 0) return padded('', flags)
  const text = space
    ? bytes.map((byte) => (sharp ? `0x${byte}` : byte)).join(' ')
    : `${sharp ? '0x' : ''}${bytes.join('')}`
  return padded(verb === 'X' ? text.toUpperCase() : text, flags)
}

const bases: Readonly<Record<string, 2 | 8 | 10 | 16>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }

function formatInteger(argument: Argument & { kind: 'int64' | 'big.Int' }, verb: string, flags: Flags): string {
  const { value } = argument
  const base = bases[verb]
  if (base !== undefined) return integerText(value, verb, base, flags)
  switch (verb) {
    case 'c':
      return padded(characterOf(value), flags)
    case 'q':
      return padded(quoteCharacter(characterOf(value), flags.plus), flags)
    case 'U':
      return unicode(value, flags)
    default:
      return badVerb(argument, verb, flags)
  }
}

function integerText(value: bigint, verb: string, base: 2 | 8 | 10 | 16, flags: Flags): string {
  const { precision, zero, minus, width } = flags
  const spaces = { ...flags, zero: false }
  if (precision === 0 && value === 0n) return padded('', spaces)
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  let digits = (value < 0n ? -value : value).toString(base)
  if (precision !== undefined) digits = digits.padStart(precision, '0')
  // Zeros fill the width, but for the sign; a prefix comes on top.
  else if (zero && !minus && width !== undefined) digits = digits.padStart(width - sign.length, '0')
  const text = `${prefixOf(digits, verb, flags.sharp ? base : 10)}${digits}`
  return padded(`${sign}${verb === 'X' ? text.toUpperCase() : text}`, spaces)
}

function prefixOf(digits: string, verb: string, base: 2 | 8 | 10 | 16): string {
  const octal = base === 8 && !digits.startsWith('0') ? '0' : ''
  return (verb === 'O' ? '0o' : '') + (base === 2 ? '0b' : base === 16 ? '0x' : octal)
}

/** Numbers that are no code point show as U+FFFD. */
function characterOf(value: bigint): string {
  const isCodePoint = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn)
  return isCodePoint ? String.fromCodePoint(Number(value)) : '\ufffd'
}

/** `U+0041`, with `#` also the character. */
function unicode(value: bigint, flags: Flags): string {
  const code = BigInt.asUintN(64, value)
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 0), '0')
  const character = characterOf(value)
  const isShown = flags.sharp && code <= 0x10ffffn && isPrint(String.fromCodePoint(Number(code)))
  return padded(`U+${digits}${isShown ? ` '${character}'` : ''}`, { ...flags, zero: false })
}

/** math/big formats for itself, and a little otherwise: zeros fill the width after the prefix, and `%s` is decimal. */
function formatBigInteger(argument: Argument & { kind: 'int64' | 'big.Int' }, verb: string, flags: Flags): string {
  const { value } = argument
  const base = verb === 's' ? 10 : bases[verb]
  if (base === undefined) return `%!${verb}(big.Int=${value})`
  const sign = value < 0n ? '-' : flags.plus || flags.plusV ? '+' : flags.space ? ' ' : ''
  const prefix = bigPrefixes[verb]?.(flags.sharp) ?? ''
  const digits = (value < 0n ? -value : value).toString(base).padStart(flags.precision ?? 0, '0')
  const head = sign + prefix
  const fillsWithZeros = flags.zero && !flags.minus && flags.precision === undefined
  const body = fillsWithZeros ? digits.padStart((flags.width ?? 0) - head.length, '0') : digits
  const text = verb === 'X' ? `${head}${body}`.toUpperCase() : `${head}${body}`
  return padded(text, { ...flags, zero: false })
}

const bigPrefixes: Readonly<Record<string, (sharp: boolean) => string>> = {
  b: (sharp) => (sharp ? '0b' : ''),
  o: (sharp) => (sharp ? '0' : ''),
  O: () => '0o',
  x: (sharp) => (sharp ? '0x' : ''),
  X: (sharp) => (sharp ? '0X' : ''),
}

/** strconv's verb and the precision when none is given. */
const floatVerbs: Readonly<Record<string, readonly [FloatVerb, number]>> = {
  v: ['g', -1],
  g: ['g', -1],
  G: ['G', -1],
  b: ['b', -1],
  x: ['x', -1],
  X: ['X', -1],
  f: ['f', 6],
  F: ['f', 6],
  e: ['e', 6],
  E: ['E', 6],
}

function formatFloatArgument(argument: Argument & { kind: 'float64' }, verb: string, flags: Flags): string {
  const [floatVerb, usual] = floatVerbs[verb] ?? []
  if (floatVerb === undefined || usual === undefined) return badVerb(argument, verb, flags)
  const text = formatFloat(argument.value, floatVerb, flags.precision ?? usual)
  const magnitude = text.replace(/^-/, '')
  const shown = flags.sharp && floatVerb !== 'b' ? withPoint(magnitude, floatVerb, flags.precision ?? usual) : magnitude
  const sign = text.startsWith('-') ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (sign === '' || !flags.zero || flags.minus) return padded(`${sign}${shown}`, flags)
  // The sign stands before the zeros.
  return `${sign}${padded(shown, { ...flags, width: (flags.width ?? 0) - 1 })}`
}

/** `#`: a point always, and under `%g` and `%x` the zeros at the end that the precision asks for. */
function withPoint(magnitude: string, verb: FloatVerb, precision: number): string {
  const [, number = '', tail = ''] =
    (verb === 'x' || verb === 'X' ? /^([^pP]*)(.*)$/ : /^([^eE]*)(.*)$/).exec(magnitude) ?? []
  const keepsZeros = verb === 'g' || verb === 'G' || verb === 'x'
  const wanted = !keepsZeros ? 0 : precision < 0 ? 6 : precision
  // Digits from the first that is not 0; in 0x1p+00 Go takes the x for one too.
  const significant = number.replace('.', '').replace(/^0+/, '').length
  const lone = number === '0' ? 1 : 0
  const zeros = '0'.repeat(Math.max(0, wanted - significant - lone))
  return `${number}${number.includes('.') ? '' : '.'}${zeros}${tail}`
}
