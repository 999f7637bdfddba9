import { booleanValue, type Value } from '../value.ts'
import { termText } from '../value-text.ts'
import { arrayOperand, type Builtin, BuiltinError, stringOperand } from './operands.ts'

/** `trace`: a note for whoever reads the log of the evaluation. */
export const trace: Builtin = (operands, call) => {
  call.note(stringOperand(operands, 0))
  return booleanValue(true)
}

/**
 * `internal.print`, which `print(…)` compiles to: each part is a set of the values that an expression has, none being
 * undefined. One line for each combination.
 */
export const print: Builtin = (operands, call) => {
  let lines: readonly (readonly string[])[] = [[]]
  for (const part of arrayOperand(operands, 0).items) {
    const words = wordsOf(part)
    if (lines.length * words.length > linesMost) throw new BuiltinError(`more than ${linesMost} combinations`)
    lines = lines.flatMap((line) => words.map((word) => [...line, word]))
  }
  for (const line of lines) call.note(line.join(' '))
  return booleanValue(true)
}

const linesMost = 1_000

function wordsOf(part: Value): readonly string[] {
  switch (part.type) {
    case 'set':
      return part.items.length === 0 ? ['<undefined>'] : part.items.map(word)
    case 'array':
    case 'object':
      throw new BuiltinError(`illegal argument type: ${part.type}`)
    default:
      return [word(part)]
  }
}

const word = (value: Value): string => (value.type === 'string' ? value.value : termText(value))
