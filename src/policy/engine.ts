import type { Decision } from '../model/decision.ts'
import { GatewayError } from '../model/errors.ts'
import { readDecision } from './decision.ts'
import type { PolicyPool } from './pool.ts'
import type { Answer } from './worker.ts'

/** One evaluation, as it is decided by and as it is written down. */
export interface Evaluation {
  readonly entrypoint: string
  /** Of the bundle; absent when there is none. */
  readonly revision?: string
  /** What the policy answered, unread; absent when it answered nothing. */
  readonly result?: unknown
  readonly error?: GatewayError
  /** `nd_builtin_cache`: what the non-deterministic built-ins gave, by name and arguments, as JSON text. */
  readonly builtins: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** How long it ran. */
  readonly nanoseconds: number
}

/** A bundle that is in force, or why none is. */
export type Active =
  | { readonly revision: string; readonly pool: Pick<PolicyPool, 'evaluate'> }
  | { readonly fault: GatewayError }

/** Asks the policy that is in force. Without one it answers as well: POLICY_MISSING. */
export async function evaluate(active: Active, entrypoint: string, input: unknown): Promise<Evaluation> {
  if ('fault' in active) return missing(entrypoint, active.fault)
  // The instant of this evaluation, the same for each `time.now_ns()` in it.
  const nowNs = (BigInt(Date.now()) * 1_000_000n).toString()
  const answer = await active.pool.evaluate({ entrypoint, input: JSON.stringify(input), nowNs })
  return { entrypoint, revision: active.revision, ...read(answer) }
}

const missing = (entrypoint: string, cause: GatewayError): Evaluation => ({
  entrypoint,
  error: new GatewayError('POLICY_MISSING', `no policy is in force: ${cause.message}`, { cause }),
  builtins: {},
  nanoseconds: 0,
})

function read(answer: Answer) {
  const { builtins, nanoseconds } = answer
  if ('error' in answer)
    return { builtins, nanoseconds, error: new GatewayError(answer.error.code, answer.error.message) }
  return answer.result === undefined
    ? { builtins, nanoseconds }
    : { builtins, nanoseconds, result: JSON.parse(answer.result) as unknown }
}

/** The decision in it. Throws what stands in its way: an error, nothing, or something that is no decision. */
export function decisionOf(evaluation: Evaluation): Decision {
  if (evaluation.error !== undefined) throw evaluation.error
  if (evaluation.result === undefined)
    throw new GatewayError('POLICY_UNDEFINED', `${evaluation.entrypoint} is undefined`)
  return readDecision(evaluation.result)
}
