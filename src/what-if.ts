import { randomUUID } from 'node:crypto'
import type { WhatIfRecord } from './decision-log/record.ts'
import type { AskWhatIf, WhatIf } from './http/policy.ts'
import type { PolicyInput } from './model/context.ts'
import { asGatewayError, type GatewayError } from './model/errors.ts'
import { decisionOf, type Evaluation } from './policy/engine.ts'

export interface WhatIfSteps {
  /** Never rejects. */
  evaluate(input: PolicyInput): Promise<Evaluation>
  /** Resolves when durable. */
  record(record: WhatIfRecord): Promise<void>
}

/** What would be decided: evaluated, written down as a what-if, and told as it came. Nothing is reached, signed or sent. */
export function askWhatIf({ evaluate, record }: WhatIfSteps): AskWhatIf {
  return async (input, { address, username }) => {
    const evaluation = await evaluate(input)
    const decisionId = randomUUID()
    const ruling = rule(evaluation)
    try {
      await record({
        decisionId,
        at: Date.now(),
        kind: 'what-if',
        input,
        evaluated: evaluation,
        address,
        ...(username === undefined ? {} : { username }),
        ...('fault' in ruling ? { outcome: 'deny', code: ruling.fault.code } : ruling),
      })
    } catch (thrown) {
      return { decisionId, fault: asGatewayError(thrown, 'LOG_NOT_DURABLE', 'it could not be written down') }
    }
    return tell(decisionId, evaluation)
  }
}

/** What the gateway would make of it. */
function rule(evaluation: Evaluation): Pick<WhatIfRecord, 'outcome'> | { readonly fault: GatewayError } {
  try {
    return { outcome: decisionOf(evaluation).outcome }
  } catch (thrown) {
    return { fault: asGatewayError(thrown, 'INTERNAL', 'the decision could not be read') }
  }
}

/** An answer that is no decision is shown too: that is what somebody who writes a policy wants to see. */
function tell(decisionId: string, evaluation: Evaluation): WhatIf {
  switch (evaluation.came) {
    case 'answered':
      return { decisionId, result: evaluation.result }
    case 'undefined':
      return { decisionId }
    case 'failed':
      return { decisionId, fault: evaluation.error }
  }
}
