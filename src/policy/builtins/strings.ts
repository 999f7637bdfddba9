import { arrayValue, booleanValue, integerValue, stringValue, type Value } from '../value.ts'
import {
  type Builtin,
  BuiltinError,
  int64Operand,
  operand,
  stringOperand,
  stringsOperand,
  wrongType,
} from './operands.ts'

/** `strings.any_prefix_match`, `strings.any_suffix_match`: whether any of the one begins (ends) with any of the other. */
const anyMatch =
  (matches: (text: string, affix: string) => boolean): Builtin =>
  (operands) => {
    const [texts, affixes] = [oneOrMany(operands, 0), oneOrMany(operands, 1)]
    return booleanValue(texts.some((text) => affixes.some((affix) => matches(text, affix))))
  }

export const anyPrefixMatch = anyMatch((text, affix) => text.startsWith(affix))
export const anySuffixMatch = anyMatch((text, affix) => text.endsWith(affix))

function oneOrMany(operands: readonly Value[], at: number): readonly string[] {
  const value = operand(operands, at)
  switch (value.type) {
    case 'string':
      return [value.value]
    case 'array':
    case 'set':
      return stringsOperand(operands, at)
    default:
      throw wrongType(at, value, 'string', 'set', 'array')
  }
}

/** `strings.count`: how often it stands there without overlap; an empty text stands before each character and at the end. */
export const count: Builtin = (operands) => {
  const [text, search] = [stringOperand(operands, 0), stringOperand(operands, 1)]
  return integerValue(search === '' ? Array.from(text).length + 1 : text.split(search).length - 1)
}

/** `indexof_n`: every place where it begins, in characters; the places may overlap. */
export const indexOfN: Builtin = (operands) => {
  const [text, search] = [stringOperand(operands, 0), stringOperand(operands, 1)]
  if (search === '') throw new BuiltinError('empty search character')
  const places: Value[] = []
  let [characters, counted] = [0, 0]
  for (let at = text.indexOf(search); at >= 0; at = text.indexOf(search, at + 1)) {
    characters += Array.from(text.slice(counted, at)).length
    counted = at
    places.push(integerValue(characters))
  }
  return arrayValue(places)
}

/** `strings.split_n`: the first parts, as many as asked for at most; with a negative number the last ones. */
export const splitN: Builtin = (operands) => {
  const [text, separator, most] = [stringOperand(operands, 0), stringOperand(operands, 1), int64Operand(operands, 2)]
  // By characters, as Go does with an empty separator, not by UTF-16 units.
  const parts = separator === '' ? Array.from(text) : text.split(separator)
  return arrayValue((most < 0n ? parts.slice(Number(most)) : parts.slice(0, Number(most))).map(stringValue))
}
