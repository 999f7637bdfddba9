import type { Shown } from '../model/certificate.ts'
import type { PolicyIdentity } from '../model/context.ts'
import type { GatewayError } from '../model/errors.ts'
import type { Session, SessionBytes } from '../model/session-event.ts'
import type { Commons, Enrolment } from './commons.ts'
import { type Counts, personOf } from './registry.ts'

/** Whoever is known, from then to the end of their connection. */
export interface Known extends Disposable {
  /** Why it must end; it may have been said before the connection was let in. */
  readonly fault: GatewayError | undefined
  readonly loginId: string | undefined
}
/** Somebody whose connection ends at the gateway itself: no session, but what ends sessions ends it too. */
export interface Visiting extends Known {
  /** Of visits alone; as it came. */
  readonly entered: Promise<Counts>
  /** From here on it can be cut; it is at once when there is a `fault` already. */
  received(cut: (why: GatewayError) => void): void
}
/** One connection from when its person is known to its end, whether it has been let in yet or not. */
export interface Registered extends Known {
  /** Of sessions, those of other processes included; as it came. */
  readonly entered: Promise<Counts>
  now(): Promise<Counts>
  /** From here on it can be cut; it is at once when there is a `fault` already. */
  letIn(live: Live): void
}

/** One that has been let in. */
export interface Live {
  /** As it is now: its latest certificate. */
  session(): Session
  bytes(): SessionBytes
  /** In force now. */
  certificate(): Shown
  cut(why: GatewayError): void
}

/** One that has been let in, as it is told of. */
export interface LiveOne {
  readonly session: Session
  readonly certificate: Shown
}

/** Of whom a connection is, and what it rests on. */
export interface Person {
  readonly sessionId: string
  readonly identity: PolicyIdentity
  /** The cached login that let the person in; absent when nothing is cached. */
  readonly loginId?: string | undefined
}

/**
 * Who is here in this process. A connection registers before it asks: what ends sessions finds it from that moment on, and
 * the registry that all processes share (see registry.ts) counts it.
 */
export class Sessions {
  readonly #registry: Pick<Commons, 'enrol' | 'liveOf'>
  readonly #entries = new Set<One>()
  #ends = 0

  constructor(registry: Pick<Commons, 'enrol' | 'liveOf'>) {
    this.#registry = registry
  }

  /** How often `end` was called: who finds a person and then registers looks whether they came too late to be ended. */
  get ends(): number {
    return this.#ends
  }

  /** Those that have been let in. */
  list(): (Session & { readonly bytes: SessionBytes })[] {
    return [...this.#entries].flatMap(({ live }) =>
      live === undefined ? [] : [{ ...live.session(), bytes: live.bytes() }],
    )
  }

  /** Those of one person that have been let in. */
  of(identity: Identified): readonly LiveOne[] {
    const person = personOf(identity)
    return [...this.#entries].flatMap(({ live, identity }) =>
      live === undefined || personOf(identity) !== person
        ? []
        : [{ session: live.session(), certificate: live.certificate() }],
    )
  }

  /** Those of one person that have been let in, in all processes. */
  count(identity: Identified): Promise<number> {
    return this.#registry.liveOf(personOf(identity))
  }

  /** It can be ended as soon as this has returned; it is counted once `entered` is known. */
  register(whose: Person): Registered {
    return new One(whose, this.#entries, this.#registry.enrol(personOf(whose.identity), 'session'))
  }

  /** As `register`. */
  visit(whose: Person): Visiting {
    return new One(whose, this.#entries, this.#registry.enrol(personOf(whose.identity), 'visit'))
  }

  /** Ends every session of this process, also one that still asks, of which this holds. Answers how many. */
  end(why: GatewayError, whose: (person: Person) => boolean): number {
    this.#ends++
    const found = [...this.#entries].filter(whose)
    for (const one of found) one.end(why)
    return found.length
  }
}

type Identified = Pick<PolicyIdentity, 'issuer' | 'subject'>

/** A session or a visit. */
class One implements Registered, Visiting, Person {
  readonly sessionId: string
  readonly identity: PolicyIdentity
  readonly loginId: string | undefined
  readonly #entries: Set<One>
  readonly #enrolment: Enrolment
  #fault: GatewayError | undefined
  #live: Live | undefined
  #cut: ((why: GatewayError) => void) | undefined

  constructor({ sessionId, identity, loginId }: Person, entries: Set<One>, enrolment: Enrolment) {
    this.sessionId = sessionId
    this.identity = identity
    this.loginId = loginId
    this.#entries = entries
    this.#enrolment = enrolment
    entries.add(this)
  }

  get fault(): GatewayError | undefined {
    return this.#fault
  }

  get live(): Live | undefined {
    return this.#live
  }

  get entered(): Promise<Counts> {
    return this.#enrolment.entered
  }

  now(): Promise<Counts> {
    return this.#enrolment.now()
  }

  letIn(live: Live): void {
    this.#enrolment.letIn()
    this.#live = live
    if (this.#fault !== undefined) live.cut(this.#fault)
  }

  received(cut: (why: GatewayError) => void): void {
    this.#cut = cut
    if (this.#fault !== undefined) cut(this.#fault)
  }

  end(why: GatewayError): void {
    this.#fault ??= why
    this.#live?.cut(why)
    this.#cut?.(why)
  }

  [Symbol.dispose](): void {
    this.#entries.delete(this)
    this.#enrolment[Symbol.dispose]()
  }
}
