import { int64Of, integerOf } from '../number.ts'
import type { RegoArray, RegoNumber, Value } from '../value.ts'

/**
 * What OPA calls a built-in error: arguments that a built-in function has no answer for. OPA itself takes the call as
 * undefined; the gateway ends the evaluation.
 */
export class BuiltinError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BuiltinError'
  }
}

/** What a call may know besides its arguments. */
export interface Call {
  /** The instant of this evaluation, in nanoseconds since 1970. */
  readonly nowNs: bigint
  /** For what a policy says while it is evaluated (`print`, `trace`). */
  readonly note: (text: string) => void
}

/** Pure but for `call`. Throws BuiltinError. */
export type Builtin = (operands: readonly Value[], call: Call) => Value

/** The operand at a place that counts from 0; in messages it counts from 1, as OPA's do. */
export function operand(operands: readonly Value[], at: number): Value {
  const value = operands[at]
  if (value === undefined) throw new BuiltinError(`operand ${at + 1} is missing`)
  return value
}

export const wrongType = (at: number, got: Value, ...wanted: readonly string[]): BuiltinError =>
  new BuiltinError(
    `operand ${at + 1} must be ${wanted.length === 1 ? wanted[0] : `one of {${wanted.join(', ')}}`} but got ${got.type}`,
  )

export function stringOperand(operands: readonly Value[], at: number): string {
  const value = operand(operands, at)
  if (value.type !== 'string') throw wrongType(at, value, 'string')
  return value.value
}

export function arrayOperand(operands: readonly Value[], at: number): RegoArray {
  const value = operand(operands, at)
  if (value.type !== 'array') throw wrongType(at, value, 'array')
  return value
}

function numberOperand(operands: readonly Value[], at: number): RegoNumber {
  const value = operand(operands, at)
  if (value.type !== 'number') throw wrongType(at, value, 'number')
  return value
}

const noInteger = (at: number): BuiltinError =>
  new BuiltinError(`operand ${at + 1} must be integer number but got floating-point number`)

/** builtins.IntOperand: an int64 without exponent. */
export function int64Operand(operands: readonly Value[], at: number): bigint {
  const value = int64Of(numberOperand(operands, at).text)
  if (value === undefined) throw noInteger(at)
  return value
}

/** builtins.BigIntOperand: an integer of any size, in any notation. */
export function integerOperand(operands: readonly Value[], at: number): bigint {
  const value = integerOf(numberOperand(operands, at).text)
  if (value === undefined) throw noInteger(at)
  return value
}

/** builtins.StringSliceOperand: the strings of an array or a set. */
export function stringsOperand(operands: readonly Value[], at: number): string[] {
  const value = operand(operands, at)
  if (value.type !== 'array' && value.type !== 'set') throw wrongType(at, value, 'array', 'set')
  return value.items.map((item) => {
    if (item.type === 'string') return item.value
    const { type } = value
    throw new BuiltinError(`operand ${at + 1} must be ${type} of strings but got ${type} containing ${item.type}`)
  })
}
