import type { Entry } from '../decision-log/record.ts'
import type { Certificate, Shown } from '../model/certificate.ts'
import type { Reason } from '../model/decision.ts'
import { asGatewayError, type ErrorCode, GatewayError } from '../model/errors.ts'
import type { UnixSeconds } from '../model/units.ts'
import type { Admitted } from './admit.ts'
import { type Answer, ask, certify, type Held, type Knock, type Ruling, type Steps, writeDown } from './decide.ts'
import type { Route } from './routes.ts'
import { type Refusal, refusal } from './words.ts'

/** What came of asking again. */
export type Renewal =
  | { readonly outcome: 'renewed'; readonly certificate: Shown; readonly decisionId: string }
  /** What the answer rests on has changed meanwhile: to be asked again at once. */
  | { readonly outcome: 'stale' }
  /** No answer was to be had: to be asked again, until the certificate ends. */
  | { readonly outcome: 'failed'; readonly fault: GatewayError }
  | { readonly outcome: 'denied'; readonly fault: GatewayError; readonly refusal: Refusal }

/** As an AbortSignal, which is one. */
export type Over = Pick<AbortSignal, 'aborted'>

export interface Asking {
  /** A stale answer is a failure now, and is not asked for again. */
  readonly last?: boolean
  /** Called when the policy has answered, and is free for others. */
  readonly answered?: () => void
}

/** Faults that say nothing of the person: a policy, a log or a signer that did not do its work. */
const failures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'POLICY_MISSING',
  'POLICY_UNDEFINED',
  'POLICY_CONFLICT',
  'POLICY_BUILTIN_FAILED',
  'POLICY_FAILED',
  'POLICY_TIMEOUT',
  'POLICY_MEMORY',
  'POLICY_BUSY',
  'DECISION_SHAPE',
  'LOG_NOT_DURABLE',
  'CERTIFICATE_SIGNER',
  'SIGNER_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'INTERNAL',
])

/** The decision by which a session lives, and those that take its place. One question is asked at a time. */
export class Life {
  readonly #first: Shown
  readonly #knock: Knock
  readonly #decisionId: string
  readonly #route: Admitted['route']
  /** In its wire form, as a text: bytes of its own would take ten times as much. */
  readonly #subjectKey: string
  readonly #localAddress: Held['localAddress']
  readonly #startedAt: UnixSeconds
  readonly #others: () => Promise<number>
  readonly #steps: Steps
  #certificate: Shown
  #epoch: number
  #renewals = 0

  /** `others`: the person's other sessions, at the moment. */
  constructor(admitted: Admitted, startedAt: UnixSeconds, others: () => Promise<number>, steps: Steps) {
    this.#first = this.#certificate = shown(admitted.certificate)
    this.#knock = admitted.knock
    this.#decisionId = admitted.decisionId
    this.#route = { host: admitted.route.host, port: admitted.route.port }
    this.#subjectKey = admitted.subjectKey.toString('latin1')
    this.#localAddress = admitted.localAddress
    this.#epoch = admitted.epoch
    this.#startedAt = startedAt
    this.#others = others
    this.#steps = steps
  }

  /** The one in force. */
  get certificate(): Shown {
    return this.#certificate
  }

  get knock(): Knock {
    return this.#knock
  }

  /** Of the decision by which it began. */
  get decisionId(): string {
    return this.#decisionId
  }

  get startedAt(): UnixSeconds {
    return this.#startedAt
  }

  /** When a robot's key ends; a person's login that runs out cuts nothing. */
  get robotUntil(): UnixSeconds | undefined {
    const { identity } = this.#knock
    return identity?.kind === 'robot' ? (identity.expires_at as UnixSeconds) : undefined
  }

  get renewals(): number {
    return this.#renewals
  }

  /** What the certificate rests on is no more as it was. */
  get isStale(): boolean {
    return this.#steps.epoch() !== this.#epoch
  }

  /**
   * Asks whether the session may go on. A certificate is in the log before it takes hold; a denial before it is told.
   * Nothing comes of an answer that rests on what is no more, or that nobody waits for: `signal` is aborted when the session
   * is over.
   */
  async renew(signal: Over, { last = false, answered = () => {} }: Asking = {}): Promise<Renewal> {
    const { ruling, entry, epoch } = await this.#ask()
    answered()
    const isStale = (): boolean => signal.aborted || this.#steps.epoch() !== epoch
    const endless = new GatewayError('POLICY_BUSY', 'what the decision rests on changes without end')
    const certified = isStale() ? endless : await this.#certify(ruling, entry)
    if (isStale()) return last ? await this.#refuse(endless, entry) : { outcome: 'stale' }
    if (certified instanceof GatewayError) {
      const reasons = ruling.outcome === 'refuse' ? ruling.reasons : []
      const refused = await this.#refuse(certified, entry, reasons)
      // A failure is asked again in a while; after a change, at once.
      return refused.outcome === 'failed' && isStale() && !last ? { outcome: 'stale' } : refused
    }
    try {
      await this.#steps.record({ ...entry, outcome: 'allow', certificate: certified })
    } catch (thrown) {
      return await this.#refuse(asGatewayError(thrown, 'LOG_NOT_DURABLE', 'it could not be written down'), entry)
    }
    if (isStale()) return last ? { outcome: 'failed', fault: endless } : { outcome: 'stale' }
    this.#certificate = shown(certified)
    this.#epoch = epoch
    this.#renewals++
    return { outcome: 'renewed', certificate: this.#certificate, decisionId: entry.decisionId }
  }

  async #ask(): Promise<Answer> {
    const knock = this.#knock
    const counts = { ...knock.counts, others: await this.#others() }
    const session = { id: knock.sessionId, started_at: this.#startedAt, renewals: this.#renewals }
    return await ask({ ...knock, session, counts }, this.#steps)
  }

  /** The certificate that the answer comes to, or why there is none. */
  async #certify(ruling: Ruling, entry: Entry): Promise<Certificate | GatewayError> {
    if (ruling.outcome === 'sign-in') return new GatewayError('CHALLENGE_UNSUPPORTED', 'the policy wants a sign-in')
    if (ruling.outcome === 'refuse') return ruling.fault
    if (!this.#isSameTarget(ruling.route))
      return new GatewayError('ROUTE_CHANGED', 'the route leads to another host now')
    try {
      const held = { subjectKey: Buffer.from(this.#subjectKey, 'latin1'), localAddress: this.#localAddress }
      const certificate = await certify(ruling, entry, this.#knock, held, this.#steps)
      mustStay(this.#first, certificate, ruling.route.principals)
      return certificate
    } catch (thrown) {
      return asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    }
  }

  /** The connection leads to where the route led when it was made. */
  #isSameTarget({ host, port }: Route): boolean {
    return this.#route.host === host && this.#route.port === port
  }

  async #refuse(fault: GatewayError, entry: Entry, reasons: readonly Reason[] = []): Promise<Renewal> {
    const told = await writeDown(fault, entry, this.#steps)
    if (failures.has(fault.code)) return { outcome: 'failed', fault }
    // A denial that could not be written down cuts all the same; that is what is said then.
    return {
      outcome: 'denied',
      fault: told,
      refusal: refusal(told.code, this.#knock.asked, entry.decisionId, reasons),
    }
  }
}

/** Nobody asks for its bytes any more. */
function shown({ signed: _, ...says }: Certificate): Shown {
  return says
}

/**
 * What sshd has done already with the first certificate, a later one cannot change: the forced command, `~/.ssh/rc`, and
 * the account. CERTIFICATE_FROZEN otherwise.
 */
function mustStay(first: Shown, later: Shown, principals: 'login' | 'roles'): void {
  const frozen = (what: string): never => {
    throw new GatewayError('CERTIFICATE_FROZEN', `${what} is not that of the certificate with which the session began`)
  }
  if (first.forceCommand !== later.forceCommand) frozen('force-command')
  if (first.permissions['permit-user-rc'] !== later.permissions['permit-user-rc']) frozen('permit-user-rc')
  // On the other routes the login is among them, or nothing was signed.
  const names = ({ principals }: Shown): string => [...principals].sort().join()
  if (principals === 'roles' && names(first) !== names(later)) frozen('the list of principals')
}
