import {
  booleanValue,
  contains,
  equal,
  lookUp,
  type RegoArray,
  type RegoObject,
  type RegoSet,
  type Value,
} from '../value.ts'
import { type Builtin, BuiltinError, operand } from './operands.ts'

/** `object.subset`: whether the first holds the second; of objects also in what they hold. */
export const subset: Builtin = (operands) => {
  const answer = holds(operand(operands, 0), operand(operands, 1))
  if (answer === undefined)
    throw new BuiltinError('both arguments object.subset must be of the same type or array and set')
  return booleanValue(answer)
}

/** Undefined for two types that have no such relation. */
function holds(whole: Value, part: Value): boolean | undefined {
  if (whole.type === 'object' && part.type === 'object') return objectHolds(whole, part)
  if (whole.type === 'set' && part.type === 'set') return part.items.every((item) => contains(whole, item))
  if (whole.type === 'array' && part.type === 'array') return arrayHolds(whole, part)
  if (whole.type === 'array' && part.type === 'set') return arrayHoldsSet(whole, part)
  return undefined
}

function objectHolds(whole: RegoObject, part: RegoObject): boolean {
  return part.entries.every(([key, wanted]) => {
    const held = lookUp(whole, key)
    if (held === undefined) return false
    // Below the top an array never holds a set.
    return equal(held, wanted) || (held.type === wanted.type && holds(held, wanted) === true)
  })
}

/** As a run: all items of the part, one after the other. */
function arrayHolds(whole: RegoArray, part: RegoArray): boolean {
  const last = whole.items.length - part.items.length
  for (let start = 0; start <= last; start++)
    if (part.items.every((item, at) => equal(item, whole.items[start + at] ?? item))) return true
  return false
}

/** In any order. As OPA counts: an item that comes twice is found twice, and an empty array holds no set, not even the empty one. */
function arrayHoldsSet(whole: RegoArray, part: RegoSet): boolean {
  let missing = part.items.length
  return whole.items.some((item) => {
    if (contains(part, item)) missing--
    return missing === 0
  })
}
