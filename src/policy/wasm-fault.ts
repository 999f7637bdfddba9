import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'

/** A module gave up and said why (its import `opa_abort`). */
export class ModuleAbort extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ModuleAbort'
  }
}

/** Whatever a module, the SDK or a built-in function threw, in the gateway's codes. */
export function policyFault(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  const message = printable(textOf(thrown), 500)
  // "file:row:col: var assignment conflict", of rules; "object insert conflict", of keys.
  if (thrown instanceof ModuleAbort && message.endsWith('conflict'))
    return new GatewayError('POLICY_CONFLICT', message, { cause: thrown })
  if (thrown instanceof ModuleAbort && message.startsWith('opa_malloc'))
    return new GatewayError('POLICY_MEMORY', 'the module may not have more memory', { cause: thrown })
  if (!(thrown instanceof RangeError))
    return new GatewayError('POLICY_FAILED', `the module stopped: ${message}`, { cause: thrown })
  // V8 ends what is nested too deeply, and what would be too large, with errors of one kind.
  return message.includes('call stack')
    ? new GatewayError('POLICY_FAILED', 'the evaluation is nested too deeply', { cause: thrown })
    : new GatewayError('POLICY_MEMORY', `something grew too large: ${message}`, { cause: thrown })
}

/** The SDK throws strings and plain objects too. */
function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message)
  return String(thrown)
}
