import type { FastifyInstance } from 'fastify'
import { caLine } from './certificate/ca-key.ts'
import type { Written } from './compose-log.ts'
import type { Config } from './config.ts'
import { contained } from './gateway/containment.ts'
import { createApp } from './http/app.ts'
import type { KnownTokens } from './http/authorization.ts'
import type { LiveSessions } from './http/sessions.ts'
import type { CaKeys, Keys } from './keys.ts'
import type { Metrics } from './metrics.ts'
import { asGatewayError, type ErrorCode } from './model/errors.ts'
import type { Log } from './model/log.ts'
import { systemClock } from './model/units.ts'
import type { Policies } from './policies.ts'
import { type Active, type Evaluation, evaluate } from './policy/engine.ts'
import { version } from './project.ts'
import type { Store } from './store/open.ts'
import { askWhatIf } from './what-if.ts'

export interface AppParts {
  readonly config: Config
  readonly keys: Keys
  readonly policies: Policies
  readonly store: Store
  readonly written: Written
  readonly metrics: Metrics
  /** Of all processes. */
  readonly metricsText: () => Promise<string>
  readonly live: LiveSessions
  readonly tokens: KnownTokens
  /** Takes the login away and cuts the sessions that rest on it; false when there is none. */
  readonly revoke: (loginId: string) => Promise<boolean>
  readonly log: Log
}

/** The HTTP side, with what each of its routes asks for. */
export function composeHttp(parts: AppParts): FastifyInstance {
  const ping = onceASecond(() => parts.store.ping())
  const { config, keys, policies, store, written, metrics, log } = parts
  return createApp({
    version,
    decisions: store.decisions,
    onDecision: written.onDecision,
    sessions: parts.live,
    history: store.sessions,
    logins: { list: (query) => store.logins.list(query, systemClock()), revoke: parts.revoke },
    policy: () => stateOf(policies),
    whatIf: askWhatIf({
      evaluate: async (input) => timed(await policies.dryRuns(), 'ssh/decision', input, metrics),
      record: (record) => written.record(record),
    }),
    metrics: parts.metricsText,
    async authorize(input) {
      const evaluation = await timed(policies.api, 'system/authz/allow', input, metrics)
      if (evaluation.came === 'failed') throw evaluation.error
      return evaluation.came === 'answered' && evaluation.result === true
    },
    readiness: async () => [
      { name: 'policy', ...('fault' in policies.admissions ? { code: policies.admissions.fault.code } : {}) },
      { name: 'store', ...(await faultOf(ping())) },
      { name: 'signer', ...(await faultOf(keys.authority.probe())) },
    ],
    caKeys: () => caLines(keys, `${config.gateway.name}-user-ca`),
    hostCaKeys: async () => (keys.host === undefined ? [] : caLines(keys.host, `${config.gateway.name}-host-ca`)),
    tokens: parts.tokens,
    contain: contained,
    faulted: () => metrics.faulted('http'),
    log,
  })
}

/** The same answer for everybody within a second: what anybody may ask must not keep the store busy. */
function onceASecond(ask: () => Promise<void>): () => Promise<void> {
  let answer: Promise<void> | undefined
  return () => {
    if (answer === undefined) {
      answer = ask()
      answer.catch(() => {})
      setTimeout(() => {
        answer = undefined
      }, 1_000).unref()
    }
    return answer
  }
}

/** The key that signs now, then the others that hosts are to trust. */
async function caLines({ authority, alsoTrusted }: CaKeys, comment: string): Promise<string[]> {
  const current = await authority.publicKey()
  const others = alsoTrusted.filter(({ fingerprint }) => fingerprint !== current.fingerprint)
  return [caLine(current, comment), ...others.map((key) => caLine(key, `${comment}-also-trusted`))]
}

/** Evaluates, and counts how long it took. */
export async function timed(active: Active, entrypoint: string, input: unknown, metrics: Metrics): Promise<Evaluation> {
  const evaluation = await evaluate(active, entrypoint, input)
  metrics.evaluated(entrypoint, evaluation.nanoseconds)
  return evaluation
}

function stateOf({ admissions, entrypoints, loadedAt, lastFault }: Policies) {
  const state = { entrypoints, loadedAt, ...(lastFault === undefined ? {} : { fault: lastFault }) }
  return 'fault' in admissions ? state : { ...state, revision: admissions.revision }
}

async function faultOf(asked: Promise<unknown>): Promise<{ code?: ErrorCode }> {
  try {
    await asked
    return {}
  } catch (thrown) {
    return { code: asGatewayError(thrown, 'STORE_UNAVAILABLE', 'the store did not answer').code }
  }
}
