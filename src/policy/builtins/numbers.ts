import { GatewayError } from '../../model/errors.ts'
import { arrayValue, integerValue, type Value } from '../value.ts'
import { type Builtin, BuiltinError, integerOperand } from './operands.ts'

/** Numbers in one range. OPA has no such bound: there it is the deadline that ends a range which is too long. */
const lengthMost = 1_000_000n

/** `numbers.range_step`: from one integer to another, that one included, upward or downward. */
export const rangeStep: Builtin = (operands) => {
  const [first, last, step] = [0, 1, 2].map((at) => integerOperand(operands, at)) as [bigint, bigint, bigint]
  if (step <= 0n) throw new BuiltinError('step must be a positive integer')
  const span = last - first
  if ((span < 0n ? -span : span) / step >= lengthMost)
    throw new GatewayError('POLICY_MEMORY', `numbers.range_step: more than ${lengthMost} numbers`)
  const numbers: Value[] = []
  if (span >= 0n) for (let at = first; at <= last; at += step) numbers.push(integerValue(at))
  else for (let at = first; at >= last; at -= step) numbers.push(integerValue(at))
  return arrayValue(numbers)
}
