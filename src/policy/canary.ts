import { asGatewayError, GatewayError } from '../model/errors.ts'
import { type Active, decisionOf, evaluate } from './engine.ts'

/**
 * Whether a bundle that is about to come into force gives a decision wherever the one in force does. Undefined: it does.
 * A policy that has begun to fail would deny everyone; one that says no to some has merely changed its mind.
 */
export async function canaryFault(
  now: Active,
  next: Active,
  inputs: readonly object[],
): Promise<GatewayError | undefined> {
  for (const input of inputs) {
    const fault = await faultOn(next, input)
    if (fault !== undefined && (await faultOn(now, input)) === undefined)
      return new GatewayError('POLICY_BUNDLE', `it gives no decision where the one in force does: ${fault.message}`, {
        cause: fault,
      })
  }
  return undefined
}

/** How often a question is asked that takes too long: a machine with other work is slow now and then. */
const tries = 3

async function faultOn(policy: Active, input: object): Promise<GatewayError | undefined> {
  for (let left = tries; ; left--) {
    try {
      decisionOf(await evaluate(policy, 'ssh/decision', input))
      return undefined
    } catch (thrown) {
      const fault = asGatewayError(thrown, 'POLICY_FAILED', 'it could not be evaluated')
      if (fault.code !== 'POLICY_TIMEOUT' || left === 1) return fault
    }
  }
}
