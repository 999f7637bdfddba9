import type { Certificate } from '../model/certificate.ts'
import type { PolicyInput } from '../model/context.ts'
import type { ErrorCode } from '../model/errors.ts'
import { printableJson } from '../model/text.ts'

/** What was evaluated, as far as it is written down. */
export interface Evaluated {
  readonly entrypoint: string
  readonly revision?: string
  readonly result?: unknown
  readonly error?: { readonly code: ErrorCode; readonly message: string }
  /** `nd_builtin_cache`, the values as JSON text. */
  readonly builtins: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly nanoseconds: number
}

/** One decision, and what was really done. */
export interface DecisionRecord {
  readonly decisionId: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly sessionId: string
  readonly kind: 'ssh' | 'what-if'
  readonly input: PolicyInput
  /** Absent when the policy was not asked: no route has that name. */
  readonly evaluated?: Evaluated
  readonly outcome: 'allow' | 'deny'
  /** Why not; absent when allowed. */
  readonly code?: ErrorCode
  readonly certificate?: Certificate
}

/** Which gateway writes; `labels` of every event. */
export interface Writer {
  /** Of this process. */
  readonly id: string
  readonly version: string
  readonly gateway: string
}

/** Characters of a policy's answer that are kept; a decision has some hundred. */
const resultMost = 262_144

/**
 * The event as JSON text, in the schema of OPA's decision logs (docs: Decision Logs). `mapped_result` says what was really
 * done, read back from the signed bytes.
 */
export function decisionEvent(record: DecisionRecord, writer: Writer): string {
  const { evaluated } = record
  const erased = evaluated?.result !== undefined && JSON.stringify(evaluated.result).length > resultMost
  return JSON.stringify({
    labels: { ...writer, kind: record.kind, session_id: record.sessionId },
    decision_id: record.decisionId,
    timestamp: new Date(record.at).toISOString(),
    path: 'ssh/decision',
    requested_by: `${record.input.connection.source.ip}:${record.input.connection.source.port}`,
    input: record.input,
    ...(evaluated === undefined ? {} : evaluationFields(evaluated, erased)),
    ...(erased ? { erased: ['/result'] } : {}),
    mapped_result: mappedResult(record),
  })
}

function evaluationFields(evaluated: Evaluated, erased: boolean) {
  const { result, error, revision, builtins, nanoseconds } = evaluated
  return {
    ...(result === undefined || erased ? {} : { result: printableJson(result) }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...(revision === undefined ? {} : { bundles: { ssh: { revision } } }),
    metrics: { timer_rego_query_eval_ns: nanoseconds },
    ...(Object.keys(builtins).length === 0 ? {} : { nd_builtin_cache: exactNumbers(builtins) }),
  }
}

/** Nanoseconds have more digits than a JavaScript number keeps: their JSON text goes in as it is. */
function exactNumbers(builtins: Evaluated['builtins']) {
  const rawJSON = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
  const calls = (byArguments: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(byArguments).map(([call, text]) => [call, rawJSON(text)]))
  return Object.fromEntries(Object.entries(builtins).map(([name, byArguments]) => [name, calls(byArguments)]))
}

function mappedResult({ outcome, code, certificate }: DecisionRecord) {
  return {
    outcome,
    ...(code === undefined ? {} : { code }),
    ...(certificate === undefined ? {} : { certificate: certificateFields(certificate) }),
  }
}

/** A certificate in the words of Rego and of OpenSSH; the serial as text, since it has 64 bits. */
function certificateFields(certificate: Certificate) {
  return {
    serial: certificate.serial.toString(),
    key_id: certificate.keyId,
    principals: certificate.principals,
    valid_after: certificate.validAfter,
    valid_before: certificate.validBefore,
    critical_options: certificate.criticalOptions,
    extensions: certificate.extensions,
    fingerprint: certificate.subject,
    signed: certificate.signed.toString('base64'),
  }
}
