import { GatewayError } from '../../model/errors.ts'
import { int64Of, integerOf } from '../number.ts'
import { stringValue, type Value } from '../value.ts'
import { termText } from '../value-text.ts'
import { arrayOperand, type Builtin, stringOperand } from './operands.ts'
import { type Argument, type Flags, formatArgument, noFlags, typeName } from './sprintf-verbs.ts'

/** `sprintf`: Go's fmt.Sprintf, faults and all: what is missing, too much or of the wrong type is told in the text. */
export const sprintf: Builtin = (operands) => {
  const [format, list] = [stringOperand(operands, 0), arrayOperand(operands, 1)]
  return stringValue(print(format, list.items.map(argumentOf)))
}

/** UTF-16 units of one text; beyond it POLICY_MEMORY. */
const lengthMost = 16_777_216

/** As OPA hands a value to Go: numbers as int64, big.Int or float64, strings as they are, all else as its text. */
function argumentOf(value: Value): Argument {
  if (value.type === 'string') return { kind: 'string', value: value.value }
  if (value.type !== 'number') return { kind: 'string', value: termText(value) }
  if (/[.eE]/.test(value.text)) {
    const float = Number(value.text)
    return Number.isFinite(float) ? { kind: 'float64', value: float } : { kind: 'string', value: value.text }
  }
  const small = int64Of(value.text)
  return small === undefined ? { kind: 'big.Int', value: integerOf(value.text) ?? 0n } : { kind: 'int64', value: small }
}

/** Go's printer (fmt.doPrintf): `at` is where it reads in the format, `next` the argument that comes next. */
interface State {
  readonly format: string
  readonly list: readonly Argument[]
  at: number
  next: number
  /** An explicit index such as `[2]` stood somewhere. */
  reordered: boolean
  /** The one in this directive was right. */
  goodIndex: boolean
}

function print(format: string, list: readonly Argument[]): string {
  const state: State = { format, list, at: 0, next: 0, reordered: false, goodIndex: true }
  let text = ''
  while (state.at < format.length) {
    const percent = format.indexOf('%', state.at)
    text += format.slice(state.at, percent < 0 ? undefined : percent)
    if (percent < 0) break
    state.at = percent + 1
    text += printDirective(state)
    if (text.length > lengthMost)
      throw new GatewayError('POLICY_MEMORY', `sprintf: a text of more than ${lengthMost} characters`)
  }
  const extra = state.reordered ? [] : list.slice(state.next)
  if (extra.length === 0) return text
  return `${text}%!(EXTRA ${extra.map((argument) => `${typeName(argument)}=${formatArgument(argument, 'v', noFlags)}`).join(', ')})`
}

function printDirective(state: State): string {
  const flags: Flags = { ...noFlags }
  state.goodIndex = true
  readMarks(state, flags)
  let afterIndex = readIndex(state)
  let complaint = ''
  if (state.format[state.at] === '*') {
    state.at++
    const width = integerArgument(state)
    if (width === undefined) complaint += '%!(BADWIDTH)'
    else Object.assign(flags, width < 0 ? { width: -width, minus: true, zero: false } : { width })
    afterIndex = false
  } else {
    flags.width = readNumber(state)
    if (afterIndex && flags.width !== undefined) state.goodIndex = false
  }
  // A point at the very end is no precision but the verb.
  if (state.format[state.at] === '.' && state.at + 1 < state.format.length) {
    state.at++
    if (afterIndex) state.goodIndex = false
    afterIndex = readIndex(state)
    if (state.format[state.at] === '*') {
      state.at++
      const precision = integerArgument(state)
      if (precision === undefined || precision < 0) complaint += '%!(BADPREC)'
      else flags.precision = precision
      afterIndex = false
    } else flags.precision = readNumber(state) ?? 0
  }
  if (!afterIndex) readIndex(state)
  return complaint + printVerb(state, flags)
}

function printVerb(state: State, flags: Flags): string {
  const code = state.format.codePointAt(state.at)
  if (code === undefined) return '%!(NOVERB)'
  const verb = String.fromCodePoint(code)
  state.at += verb.length
  if (verb === '%') return '%'
  if (!state.goodIndex) return `%!${verb}(BADINDEX)`
  const argument = state.list[state.next]
  if (argument === undefined) return `%!${verb}(MISSING)`
  state.next++
  const { sharp, plus } = flags
  const apart = verb === 'v' || verb === 'w' ? { sharpV: sharp, plusV: plus, sharp: false, plus: false } : {}
  return formatArgument(argument, verb, { ...flags, ...apart })
}

const marks: Readonly<Record<string, 'sharp' | 'zero' | 'plus' | 'minus' | 'space'>> = {
  '#': 'sharp',
  '0': 'zero',
  '+': 'plus',
  '-': 'minus',
  ' ': 'space',
}

function readMarks(state: State, flags: Flags): void {
  for (; ; state.at++) {
    const mark = marks[state.format[state.at] ?? '']
    if (mark === undefined) return
    flags[mark] = true
  }
}

/** Go takes no width and no precision beyond a million. */
const numberMost = 1_000_000

/** Digits; undefined when there are none. Of a number that is too large nothing more of the format is read. */
function readNumber(state: State): number | undefined {
  let number: number | undefined
  for (; /^\d$/.test(state.format[state.at] ?? ''); state.at++) {
    if ((number ?? 0) > numberMost) {
      state.at = state.format.length
      return undefined
    }
    number = (number ?? 0) * 10 + Number(state.format[state.at])
  }
  return number
}

/** `[2]`: the argument that comes next, counted from 1. Answers whether there was one. */
function readIndex(state: State): boolean {
  if (state.format[state.at] !== '[') return false
  state.reordered = true
  const rest = state.format.slice(state.at)
  const closing = rest.length < 3 ? -1 : rest.indexOf(']')
  state.at += closing < 0 ? 1 : closing + 1
  const digits = closing < 0 ? '' : rest.slice(1, closing)
  const isNumber = /^\d{1,7}$/.test(digits)
  const index = Number(digits) - 1
  if (isNumber && index >= 0 && index < state.list.length) {
    state.next = index
    return true
  }
  state.goodIndex = false
  return isNumber
}

/** For a width or precision of `*`. */
function integerArgument(state: State): number | undefined {
  const argument = state.list[state.next]
  if (argument === undefined) return undefined
  state.next++
  if (argument.kind !== 'int64') return undefined
  const number = Number(argument.value)
  return Math.abs(number) > numberMost ? undefined : number
}
