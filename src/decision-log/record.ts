import type { Certificate } from '../model/certificate.ts'
import type { PolicyInput } from '../model/context.ts'
import type { ErrorCode } from '../model/errors.ts'
import { printable, printableJson } from '../model/text.ts'

/** What was evaluated, as far as it is written down. */
export type Evaluated = {
  readonly entrypoint: string
  readonly revision?: string
  /** `nd_builtin_cache`, the values as JSON text. */
  readonly builtins: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly nanoseconds: number
} & (
  | { readonly came: 'answered'; readonly result: unknown }
  | { readonly came: 'undefined' }
  | { readonly came: 'failed'; readonly error: { readonly code: ErrorCode; readonly message: string } }
)

interface Question {
  readonly decisionId: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly input: PolicyInput
  /** Absent when the policy was not asked: no route has that name. */
  readonly evaluated?: Evaluated
}
/** A question that a connection put to the policy. */
export interface Entry extends Question {
  readonly kind: 'ssh'
  readonly sessionId: string
}
/** What was really done about it. */
type Done =
  | { readonly outcome: 'allow'; readonly certificate: Certificate }
  | { readonly outcome: 'deny'; readonly code: ErrorCode }
/** A question of somebody who wants to know. Nothing was done about it; `code` says why there is no answer. */
export interface WhatIfRecord extends Question {
  readonly kind: 'what-if'
  /** Address and port; the name of the token. */
  readonly address: string
  readonly username?: string
  readonly outcome: 'allow' | 'challenge' | 'deny'
  readonly code?: ErrorCode
}

/** One decision. */
export type DecisionRecord = (Entry & Done) | WhatIfRecord

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
  const erased = evaluated?.came === 'answered' && JSON.stringify(evaluated.result).length > resultMost
  return JSON.stringify({
    labels: { ...writer, kind: record.kind, ...(record.kind === 'ssh' ? { session_id: record.sessionId } : {}) },
    decision_id: record.decisionId,
    timestamp: new Date(record.at).toISOString(),
    path: 'ssh/decision',
    requested_by: requestedBy(record),
    input: printableJson(record.input),
    ...(evaluated === undefined ? {} : evaluationFields(evaluated, erased)),
    ...(erased ? { erased: ['/result'] } : {}),
    mapped_result: mappedResult(record),
  })
}

function evaluationFields(evaluated: Evaluated, erased: boolean) {
  const { revision, builtins, nanoseconds } = evaluated
  return {
    ...(erased ? {} : answerFields(evaluated)),
    ...(revision === undefined ? {} : { bundles: { ssh: { revision } } }),
    metrics: { timer_rego_query_eval_ns: nanoseconds },
    ...(Object.keys(builtins).length === 0 ? {} : { nd_builtin_cache: exactNumbers(builtins) }),
  }
}

function answerFields(evaluated: Evaluated) {
  switch (evaluated.came) {
    case 'answered':
      return { result: printableJson(evaluated.result) }
    case 'undefined':
      return {}
    case 'failed':
      return { error: { code: evaluated.error.code, message: printable(evaluated.error.message, 1_024) } }
  }
}

/** Nanoseconds have more digits than a JavaScript number keeps: their JSON text goes in as it is. */
function exactNumbers(builtins: Evaluated['builtins']) {
  const rawJSON = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
  const calls = (byArguments: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(byArguments).map(([call, text]) => [call, rawJSON(text)]))
  return Object.fromEntries(Object.entries(builtins).map(([name, byArguments]) => [name, calls(byArguments)]))
}

function requestedBy(record: DecisionRecord): string {
  if (record.kind === 'what-if') return record.address
  const { ip, port } = record.input.connection.source
  return `${ip}:${port}`
}

function mappedResult(record: DecisionRecord) {
  const { outcome } = record
  if (record.kind === 'what-if') {
    const { code, username } = record
    return {
      outcome,
      ...(code === undefined ? {} : { code }),
      ...(username === undefined ? {} : { asked_by: username }),
    }
  }
  return record.outcome === 'allow'
    ? { outcome, certificate: certificateFields(record.certificate) }
    : { outcome, code: record.code }
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
