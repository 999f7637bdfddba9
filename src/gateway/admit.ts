import { randomUUID } from 'node:crypto'
import { makeSubjectKey } from '../certificate/subject-key.ts'
import type { DecisionRecord } from '../decision-log/record.ts'
import type { Address } from '../model/address.ts'
import type { Certificate, CertificateRequest } from '../model/certificate.ts'
import type { PolicyConnection, PolicyIdentity, PolicyInput, PolicyKey } from '../model/context.ts'
import type { Reason, Requirement } from '../model/decision.ts'
import { asGatewayError, type ErrorCode, GatewayError } from '../model/errors.ts'
import { decisionOf, type Evaluation } from '../policy/engine.ts'
import type { Leg } from '../ssh/leg.ts'
import type { Target } from '../ssh/target.ts'
import type { Asked } from './names.ts'
import type { Route } from './routes.ts'
import { type Refusal, refusal } from './words.ts'

/** What is known of one connection when it asks to be let through. */
export interface Knock {
  readonly sessionId: string
  readonly asked: Asked
  readonly connection: PolicyConnection
  /** Proven over this session; absent when the client has none. */
  readonly key?: PolicyKey
  /** Absent until the person has signed in. */
  readonly identity?: PolicyIdentity
  /** The person's other sessions. */
  readonly sessions: number
}

export type Admission =
  | { readonly outcome: 'admitted'; readonly certificate: Certificate; readonly target: Leg; readonly banner: string }
  /** Nothing stands in the way but that nobody knows who it is. */
  | { readonly outcome: 'sign-in' }
  /** `fault` is for the log. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly fault: GatewayError }

/** What it takes. Deciding and issuing may one day be another process: it is given what was seen, not what to sign. */
export interface Steps {
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
  roomForStranger(fault: GatewayError): boolean
  /** Why nobody at all is let in. Who asks for a route that is not there is told so as everyone is. */
  closed(): GatewayError | undefined
}
export interface Occasion {
  readonly decisionId: string
  readonly username: string
  readonly login: Asked['login']
  /** Of the key pair made for this connection, in its wire form. */
  readonly subjectKey: Buffer
  readonly localAddress: Address
}

/**
 * The spine: context → decision → certificate → record → login. One evaluation, one record, one certificate. Nobody is
 * let in and nobody is told of a refusal before the record is durable; what goes wrong on the way is a refusal too.
 */
export async function admit(knock: Knock, steps: Steps, signal: AbortSignal): Promise<Admission> {
  const route = steps.route(knock.asked.route)
  const input = inputOf(knock, route)
  const evaluation = route === undefined ? undefined : await steps.evaluate(input)
  const entry = entryOf(knock, input, evaluation)
  const ruling = rule(knock, route, evaluation, steps.closed())
  let recorded = false
  if (ruling.outcome === 'sign-in') return ruling // only counted: strangers must not fill the disk
  if (ruling.outcome === 'refuse') return refuse(ruling.fault, ruling.reasons)

  const subject = makeSubjectKey()
  let target: Target | undefined
  try {
    target = await steps.reach(ruling.route, signal)
    const occasion = {
      decisionId: entry.decisionId,
      username: ruling.username,
      login: knock.asked.login,
      subjectKey: subject.publicKey,
      localAddress: target.localAddress,
    }
    const certificate = await steps.issue(ruling.request, occasion)
    await steps.record({ ...entry, outcome: 'allow', certificate })
    recorded = true
    signal.throwIfAborted()
    const { leg, banner } = await target.login(knock.asked.login, {
      certificate: certificate.signed,
      sign: subject.sign,
    })
    return { outcome: 'admitted', certificate, target: leg, banner }
  } catch (thrown) {
    target?.leave()
    return refuse(asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own'))
  }

  async function refuse(fault: GatewayError, reasons: readonly Reason[] = []): Promise<Admission> {
    if (knock.identity === undefined && !steps.roomForStranger(fault))
      return { outcome: 'refused', refusal: refusal(fault.code, knock.asked, undefined, reasons), fault }
    const shown = recorded ? fault : await writeDown(fault, entry, steps)
    return { outcome: 'refused', refusal: refusal(shown.code, knock.asked, entry.decisionId, reasons), fault: shown }
  }
}

type Ruling =
  | {
      readonly outcome: 'grant'
      readonly request: CertificateRequest
      readonly route: Route
      readonly username: string
    }
  | { readonly outcome: 'sign-in' }
  | { readonly outcome: 'refuse'; readonly fault: GatewayError; readonly reasons?: readonly Reason[] }

/** From what the policy answered to what is done about it. An unknown route goes the way of one that is denied. */
function rule(
  knock: Knock,
  route: Route | undefined,
  evaluation: Evaluation | undefined,
  closed: GatewayError | undefined,
): Ruling {
  if (route === undefined || evaluation === undefined) {
    if (closed !== undefined) return { outcome: 'refuse', fault: closed }
    return knock.identity === undefined ? { outcome: 'sign-in' } : no('ROUTE_UNKNOWN', 'no route has that name')
  }
  try {
    const decision = decisionOf(evaluation)
    switch (decision.outcome) {
      case 'deny':
        return { ...no('DENIED_BY_POLICY', 'the policy said no'), reasons: decision.reasons ?? [] }
      case 'challenge':
        return knock.identity === undefined && decision.require.every(isPlainLogin)
          ? { outcome: 'sign-in' }
          : no('CHALLENGE_UNSUPPORTED', `the policy wants ${decision.require.map(({ type }) => type).join(', ')}`)
      case 'allow':
        return knock.identity === undefined
          ? no('DECISION_SHAPE', 'the policy let somebody in who has not signed in')
          : { outcome: 'grant', request: decision.certificate, route, username: knock.identity.username }
    }
  } catch (thrown) {
    return { outcome: 'refuse', fault: asGatewayError(thrown, 'INTERNAL', 'the decision could not be read') }
  }
}

/** A sign-in of a certain age or strength is a step-up, which the device flow has no place for. */
const isPlainLogin = (requirement: Requirement): boolean =>
  requirement.type === 'login' && requirement.max_age === undefined && requirement.acr_values === undefined

const no = (code: ErrorCode, message: string) =>
  ({ outcome: 'refuse', fault: new GatewayError(code, message) }) as const

type Entry = Omit<DecisionRecord, 'outcome' | 'code' | 'certificate'>

function entryOf(knock: Knock, input: PolicyInput, evaluation: Evaluation | undefined): Entry {
  return {
    decisionId: randomUUID(),
    at: Date.now(),
    sessionId: knock.sessionId,
    kind: 'ssh',
    input,
    ...(evaluation === undefined ? {} : { evaluated: evaluation }),
  }
}

/** A refusal stands in the log before anybody hears of it; when it cannot, that is what is said instead. */
async function writeDown(fault: GatewayError, entry: Entry, steps: Steps): Promise<GatewayError> {
  if (fault.code === 'LOG_NOT_DURABLE') return fault
  try {
    await steps.record({ ...entry, outcome: 'deny', code: fault.code })
    return fault
  } catch (thrown) {
    return asGatewayError(thrown, 'LOG_NOT_DURABLE', 'the refusal could not be written down')
  }
}

/** Absent, never null. What no route is known of stands in the record as it was asked for. */
function inputOf(knock: Knock, route: Route | undefined): PolicyInput {
  const { asked, connection, key, identity, sessions } = knock
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
      principals: 'login',
      labels: route?.labels ?? {},
    },
    request: { approvals: [] },
    usage: { sessions },
    facts: {},
  }
}
