import type { Decision } from '../model/decision.ts'
import { GatewayError } from '../model/errors.ts'
import { readDecision } from './decision.ts'
import type { PolicyPool } from './pool.ts'
import type { Answer, Question } from './worker.ts'

/** One evaluation, as it is decided by and as it is written down. */
export type Evaluation = {
  readonly entrypoint: string
  /** Of the bundle; absent when there is none. */
  readonly revision?: string
  /** `nd_builtin_cache`: what the non-deterministic built-ins gave, by name and arguments, as JSON text. */
  readonly builtins: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** How long it ran. */
  readonly nanoseconds: number
} & Outcome
/** What came of it. `result` is what the policy answered, unread. */
type Outcome =
  | { readonly came: 'answered'; readonly result: unknown }
  | { readonly came: 'undefined' }
  | { readonly came: 'failed'; readonly error: GatewayError }

/** A bundle that is in force, or why none is. */
export type Active =
  | { readonly revision: string; readonly pool: Pick<PolicyPool, 'evaluate'> }
  | { readonly fault: GatewayError }

/** Asks the policy that is in force. Without one it answers as well: POLICY_MISSING. */
export async function evaluate(active: Active, entrypoint: string, input: unknown): Promise<Evaluation> {
  if ('fault' in active) return missing(entrypoint, active.fault)
  const answer = await active.pool.evaluate(questionOf(entrypoint, input))
  const { builtins, nanoseconds } = answer
  return { entrypoint, revision: active.revision, builtins, nanoseconds, ...read(answer) }
}

/** Its instant is now, the same for each `time.now_ns()` in it. */
export const questionOf = (entrypoint: string, input: unknown): Question => ({
  entrypoint,
  input: JSON.stringify(input),
  nowNs: (BigInt(Date.now()) * 1_000_000n).toString(),
})

const missing = (entrypoint: string, cause: GatewayError): Evaluation => ({
  entrypoint,
  came: 'failed',
  error: new GatewayError('POLICY_MISSING', `no policy is in force: ${cause.message}`, { cause }),
  builtins: {},
  nanoseconds: 0,
})

function read(answer: Answer): Outcome {
  if ('error' in answer) return { came: 'failed', error: new GatewayError(answer.error.code, answer.error.message) }
  if (answer.result === undefined) return { came: 'undefined' }
  return { came: 'answered', result: JSON.parse(answer.result) }
}

/** The decision in it. Throws what stands in its way: an error, nothing, or something that is no decision. */
export function decisionOf(evaluation: Evaluation): Decision {
  switch (evaluation.came) {
    case 'answered':
      return readDecision(evaluation.result)
    case 'undefined':
      throw new GatewayError('POLICY_UNDEFINED', `${evaluation.entrypoint} is undefined`)
    case 'failed':
      throw evaluation.error
  }
}
