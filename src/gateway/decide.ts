import { randomUUID } from 'node:crypto'
import type { DecisionRecord, Entry } from '../decision-log/record.ts'
import type { Address } from '../model/address.ts'
import type { Certificate, CertificateRequest } from '../model/certificate.ts'
import type { PolicyConnection, PolicyIdentity, PolicyInput, PolicyKey } from '../model/context.ts'
import type { Reason, Requirement } from '../model/decision.ts'
import { asGatewayError, type ErrorCode, GatewayError } from '../model/errors.ts'
import { decisionOf, type Evaluation } from '../policy/engine.ts'
import type { Target } from '../ssh/target.ts'
import type { Asked } from './names.ts'
import type { Counts } from './registry.ts'
import type { Route } from './routes.ts'

/** What is known of one connection when it asks to be let through, or to stay. */
export interface Knock {
  readonly sessionId: string
  readonly asked: Asked
  readonly connection: PolicyConnection
  /** Proven over this session; absent when the client has none. */
  readonly key?: PolicyKey
  /** Absent until the person has signed in. */
  readonly identity?: PolicyIdentity
  readonly counts: Counts
  /** Absent until it is let in. */
  readonly session?: NonNullable<PolicyInput['session']>
}

/** What it takes. Deciding and issuing may one day be another process: it is given what was seen, not what to sign. */
export interface Steps {
  /** Counts the changes of all that an answer rests on (see epoch.ts). */
  epoch(): number
  route(name: string): Route | undefined
  /** Never rejects: a policy that fails is an evaluation with an error. */
  evaluate(input: PolicyInput): Promise<Evaluation>
  /** Connected, and its host key is known; nothing was said of who comes. */
  reach(route: Route, signal: AbortSignal): Promise<Target>
  /** Signed, read back from the signed bytes, and verified. */
  issue(request: CertificateRequest, occasion: Occasion): Promise<Certificate>
  /** Resolves when durable. */
  record(record: DecisionRecord): Promise<void>
  /** Whether the refusal of somebody who is not known may take room in the log: strangers must not fill the disk. */
  roomForStranger(fault: GatewayError): Promise<boolean>
  /** Why nobody at all is let in. Who asks for a route that is not there is told so as everyone is. */
  closed(): GatewayError | undefined
  /** Why there is no room for one more. */
  full(counts: Counts): GatewayError | undefined
}
export interface Occasion {
  readonly decisionId: string
  readonly username: string
  readonly login: Asked['login']
  readonly principals: Route['principals']
  /** Of the key pair made for this connection, in its wire form. */
  readonly subjectKey: Buffer
  /** As the target sees the gateway. */
  readonly localAddress: Address
}

/** What a certificate rests on beside the policy's answer: the same for all certificates of a connection. */
export type Held = Pick<Occasion, 'subjectKey' | 'localAddress'>

export interface Grant {
  readonly outcome: 'grant'
  readonly request: CertificateRequest
  readonly route: Route
  readonly username: string
}
/** From what the policy answered to what is done about it. */
export type Ruling =
  | Grant
  | { readonly outcome: 'sign-in' }
  | { readonly outcome: 'refuse'; readonly fault: GatewayError; readonly reasons?: readonly Reason[] }

/** One question and its answer: nothing has been done about it yet. */
export interface Answer {
  readonly ruling: Ruling
  readonly entry: Entry
  /** From before the question. */
  readonly epoch: number
}

export async function ask(knock: Knock, steps: Steps): Promise<Answer> {
  const epoch = steps.epoch()
  const route = steps.route(knock.asked.route)
  const input = inputOf(knock, route)
  const evaluation = route === undefined ? undefined : await steps.evaluate(input)
  const entry = {
    decisionId: randomUUID(),
    at: Date.now(),
    sessionId: knock.sessionId,
    kind: 'ssh' as const,
    input,
    ...(evaluation === undefined ? {} : { evaluated: evaluation }),
  }
  return { ruling: rule(knock, route, evaluation, steps), entry, epoch }
}

/** The certificate that the answer comes to. Throws the code of what may not be signed. */
export function certify(
  grant: Grant,
  { decisionId }: Entry,
  knock: Knock,
  held: Held,
  steps: Steps,
): Promise<Certificate> {
  const { request, route, username } = grant
  const { subjectKey, localAddress } = held
  const { login } = knock.asked
  return steps.issue(request, { decisionId, username, login, principals: route.principals, subjectKey, localAddress })
}

/** A refusal stands in the log before anybody hears of it; when it cannot, that is what is said instead. */
export async function writeDown(
  fault: GatewayError,
  entry: Entry,
  steps: Pick<Steps, 'record'>,
): Promise<GatewayError> {
  if (fault.code === 'LOG_NOT_DURABLE') return fault
  try {
    await steps.record({ ...entry, outcome: 'deny', code: fault.code })
    return fault
  } catch (thrown) {
    return asGatewayError(thrown, 'LOG_NOT_DURABLE', 'the refusal could not be written down')
  }
}

/** An unknown route goes the way of one that is denied. */
function rule(
  knock: Knock,
  route: Route | undefined,
  evaluation: Evaluation | undefined,
  steps: Pick<Steps, 'closed' | 'full'>,
): Ruling {
  if (route === undefined || evaluation === undefined) {
    const closed = steps.closed()
    if (closed !== undefined) return { outcome: 'refuse', fault: closed }
    return knock.identity === undefined ? { outcome: 'sign-in' } : refuse('ROUTE_UNKNOWN', 'no route has that name')
  }
  try {
    const decision = decisionOf(evaluation)
    switch (decision.outcome) {
      case 'deny':
        return { ...refuse('DENIED_BY_POLICY', 'the policy said no'), reasons: decision.reasons ?? [] }
      case 'challenge':
        return knock.identity === undefined && decision.require.every(isPlainLogin)
          ? { outcome: 'sign-in' }
          : refuse('CHALLENGE_UNSUPPORTED', `the policy wants ${decision.require.map(({ type }) => type).join(', ')}`)
      case 'allow': {
        if (knock.identity === undefined)
          return refuse('DECISION_SHAPE', 'the policy let somebody in who has not signed in')
        const full = knock.session === undefined ? steps.full(knock.counts) : undefined
        if (full !== undefined) return { outcome: 'refuse', fault: full }
        return { outcome: 'grant', request: decision.certificate, route, username: knock.identity.username }
      }
    }
  } catch (thrown) {
    return { outcome: 'refuse', fault: asGatewayError(thrown, 'INTERNAL', 'the decision could not be read') }
  }
}

/** A sign-in of a certain age or strength is a step-up, which the device flow has no place for. */
const isPlainLogin = (requirement: Requirement): boolean =>
  requirement.type === 'login' && requirement.max_age === undefined && requirement.acr_values === undefined

const refuse = (code: ErrorCode, message: string) =>
  ({ outcome: 'refuse', fault: new GatewayError(code, message) }) as const

/** Absent, never null. What no route is known of stands in the record as it was asked for. */
export function inputOf(knock: Knock, route: Route | undefined): PolicyInput {
  const { asked, connection, key, identity, counts, session } = knock
  return {
    version: 'ssh/v1',
    ...(identity === undefined ? {} : { identity }),
    ...(key === undefined ? {} : { key }),
    connection,
    target: {
      route: asked.route,
      login: asked.login,
      host: route?.host ?? '',
      port: route?.port ?? 22,
      principals: route?.principals ?? 'login',
      labels: route?.labels ?? {},
    },
    request: { approvals: [] },
    ...(session === undefined ? {} : { session }),
    usage: { sessions: counts.others },
    facts: {},
  }
}
