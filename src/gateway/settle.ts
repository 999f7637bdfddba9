import type { GatewayError } from '../model/errors.ts'
import { roundsMost } from './admit.ts'
import type { Life } from './life.ts'
import type { Registered } from './sessions.ts'
import type { Refusal } from './words.ts'

/** Why somebody who has logged in at the target is not let in after all. */
export interface Denied {
  readonly fault: GatewayError
  /** In the policy's words, when it was the policy. */
  readonly refusal?: Refusal
}

/**
 * Lets somebody in, unless what their certificate rests on is no more as it was: then the policy is asked again, until its
 * answer holds. Nothing comes between the last look and `letIn`. `signal`: either end has gone.
 */
export async function settle(
  life: Life,
  registered: Pick<Registered, 'fault'>,
  signal: Pick<AbortSignal, 'aborted' | 'reason'>,
  letIn: () => void,
): Promise<Denied | undefined> {
  for (let round = 1; ; round++) {
    if (registered.fault !== undefined) return { fault: registered.fault }
    if (signal.aborted) return { fault: signal.reason as GatewayError }
    if (!life.isStale) {
      letIn()
      return undefined
    }
    const renewal = await life.renew(signal, { last: round === roundsMost })
    if (renewal.outcome === 'denied' || renewal.outcome === 'failed') return renewal
  }
}
