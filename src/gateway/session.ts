import { AsyncResource } from 'node:async_hooks'
import { permit } from '../enforcement/permit.ts'
import type { Shown } from '../model/certificate.ts'
import type { Ask, Verdict } from '../model/channel.ts'
import type { GatewayError } from '../model/errors.ts'
import type { Session, SessionBytes } from '../model/session-event.ts'
import type { Clock } from '../model/units.ts'
import type { Leg } from '../ssh/leg.ts'
import { disconnectReason } from '../ssh/transport-messages.ts'
import { type Chronicle, certificateOf } from './chronicle.ts'
import { type Bounded, Ends } from './ends.ts'
import type { Life } from './life.ts'
import { type Mouth, type Relayed, type RelaySettings, relay } from './relay.ts'
import { type Course, type RenewalParts, Renewals } from './renewals.ts'
import type { Live, Registered } from './sessions.ts'
import type { Judge } from './verdicts.ts'
import { type Refusal, refusal } from './words.ts'

export interface SessionParts {
  readonly relay: RelaySettings
  /** Stands between the relay and the client, or is it. */
  readonly before: Mouth
  readonly registered: Registered
  readonly chronicle: Chronicle
  readonly clock: Clock
  readonly renewal: RenewalParts
}

/**
 * A live session: what passes between client and target under the certificate in force, until either of them, or the
 * certificate, or the policy, or somebody who may cut it, ends it. Both legs end together, and `registered` with them. It
 * is what all its parts ask and tell, and no call waits for its end: thousands of them are idle at once.
 */
export class LiveSession implements Live, Judge, Bounded, Course {
  readonly #client: Leg
  readonly #target: Leg
  readonly #life: Life
  readonly #registered: Registered
  readonly #chronicle: Chronicle
  readonly #clock: Clock
  readonly #relayed: Relayed
  readonly #ends: Ends
  readonly #renewals: Renewals
  readonly #over: () => void
  /** The connection on whose behalf it goes on (containment.ts): others bring about its end, and the questions. */
  readonly #behalf = new AsyncResource('session')
  /** What the policy has the person told. */
  #told: string | undefined
  #hasEnded = false

  /** Begins. `over` is called when it has ended. */
  constructor(client: Leg, target: Leg, life: Life, parts: SessionParts, over: () => void) {
    const { registered, chronicle, clock } = parts
    this.#client = client
    this.#target = target
    this.#life = life
    this.#registered = registered
    this.#chronicle = chronicle
    this.#clock = clock
    this.#over = over
    chronicle.began(this.session())
    this.#relayed = relay(client, target, this, chronicle, parts.relay, parts.before)
    registered.letIn(this)
    this.#ends = new Ends(this, life.startedAt, life.robotUntil)
    this.#ends.set(life.certificate)
    this.#renewals = new Renewals(life, this, parts.renewal)
    const ended = (): void => this.#legEnded()
    if (client.signal.aborted || target.signal.aborted) ended()
    client.signal.addEventListener('abort', ended)
    target.signal.addEventListener('abort', ended)
  }

  session(): Session {
    const { asked, connection, sessionId, identity } = this.#life.knock
    const { issuer = '', subject = '', username = '' } = identity ?? {}
    const { loginId } = this.#registered
    return {
      id: sessionId,
      person: { issuer, subject, username },
      route: asked.route,
      login: asked.login,
      source: connection.source,
      ...(loginId === undefined ? {} : { login_id: loginId }),
      started_at: this.#life.startedAt,
      certificate: certificateOf(this.#life.certificate),
      decision_id: this.#life.decisionId,
    }
  }

  bytes(): SessionBytes {
    return { ...this.#relayed.bytes }
  }

  certificate(): Shown {
    return this.#life.certificate
  }

  permit(ask: Ask): Verdict {
    return permit(this.#life.certificate, ask, this.#clock())
  }

  environment(): Readonly<Record<string, string>> {
    return this.#life.certificate.permissions['set-env@regate'] ?? {}
  }

  get carried(): number {
    const { to_client, to_target } = this.#relayed.bytes
    return to_client + to_target
  }

  renewed(certificate: Shown, decisionId: string): void {
    this.#ends.set(certificate)
    this.#relayed.narrow()
    this.#chronicle.renewed(certificate, decisionId)
  }

  failed(fault: GatewayError): void {
    this.#chronicle.failed(fault)
  }

  denied(fault: GatewayError, { lines }: Refusal): void {
    this.#told = lines[0]
    this.cut(fault)
  }

  cut(why: GatewayError): void {
    this.#target.cut(why)
  }

  inside(act: () => void): void {
    this.#behalf.runInAsyncScope(act)
  }

  /**
   * From here on no answer is acted on. The other leg ends once what has just come is dealt with; a target also ends with its
   * client, by itself.
   */
  #legEnded(): void {
    if (this.#hasEnded) return
    const { signal } = this.#client.signal.aborted ? this.#client : this.#target
    const why = signal.reason as GatewayError
    this.#hasEnded = true
    this.#ends[Symbol.dispose]()
    this.#renewals[Symbol.dispose]()
    queueMicrotask(() => this.inside(() => this.#end(why)))
  }

  #end(why: GatewayError): void {
    using _registered = this.#registered
    this.#target.cut(why)
    this.#client.disconnect(disconnectReason.byApplication, this.#told ?? refusal(why.code).lines[0], why)
    this.#chronicle.ended(why, this.#relayed.bytes, this.#clock())
    this.#over()
  }
}
