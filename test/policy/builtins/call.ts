import { BuiltinError } from '../../../src/policy/builtins/operands.ts'
import { builtins } from '../../../src/policy/builtins/registry.ts'
import { arrayValue } from '../../../src/policy/value.ts'
import { readValue, regoText } from '../../../src/policy/value-text.ts'

/** Calls a function of the gateway: operands as Rego between commas, the answer as Rego, `error: …` for an error. */
export function call(name: string, operands: string, nowNs = 0n): string {
  const run = builtins.get(name)
  if (run === undefined) throw new Error(`${name} is not served`)
  const list = readValue(`[${operands}]`)
  try {
    return regoText(run(list.type === 'array' ? list.items : [arrayValue([])], { nowNs, note: () => {} }))
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return `error: ${thrown.message}`
    throw thrown
  }
}
