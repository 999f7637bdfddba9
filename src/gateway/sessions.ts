import type { Certificate } from '../model/certificate.ts'
import type { PolicyIdentity } from '../model/context.ts'
import type { GatewayError } from '../model/errors.ts'
import type { Session, SessionBytes } from '../model/session-event.ts'

/** Whoever is known, from then to the end of their connection. */
export interface Known extends Disposable {
  /** Why it must end; it may have been said before the connection was let in. */
  readonly fault: GatewayError | undefined
  readonly loginId: string | undefined
}
/** Somebody whose connection ends at the gateway itself: no session, but what ends sessions ends it too. */
export interface Visiting extends Known {
  /** The person's other visits, as far as they began before. */
  readonly others: number
  /** From here on it can be cut; it is at once when there is a `fault` already. */
  received(cut: (why: GatewayError) => void): void
}
/** One connection from when its person is known to its end, whether it has been let in yet or not. */
export interface Registered extends Known {
  /** The person's other sessions: those let in, and those that began to ask before this one. */
  readonly others: number
  /** From here on it can be cut; it is at once when there is a `fault` already. */
  letIn(live: Live): void
}

/** One that has been let in. */
export interface Live {
  /** As it is now: its latest certificate. */
  session(): Session
  bytes(): SessionBytes
  /** In force now. */
  certificate(): Certificate
  cut(why: GatewayError): void
}

/** Of whom a connection is, and what it rests on. */
export interface Person {
  readonly sessionId: string
  readonly identity: PolicyIdentity
  /** The cached login that let the person in; absent when nothing is cached. */
  readonly loginId?: string
}

interface Entry extends Person {
  readonly number: number
  fault?: GatewayError
  cut?: (why: GatewayError) => void
  live?: Live
}

interface People {
  readonly asking: Set<Entry>
  readonly live: Set<Entry>
}

/** Who is here. A connection registers before it asks, so that two that come at once do not both pass for the only one. */
export class Sessions {
  readonly #entries = new Set<Entry>()
  /** Of each person: those who ask, in the order in which they came, and those let in. */
  readonly #people = new Map<string, People>()
  readonly #visits = new Map<string, Set<Entry>>()
  #count = 0
  #ends = 0

  /** How often `end` was called: who finds a person and then registers looks whether they came too late to be ended. */
  get ends(): number {
    return this.#ends
  }

  /** Whether they have been let in yet or not. */
  get size(): number {
    return this.#entries.size
  }

  /** Those that have been let in. */
  list(): (Session & { readonly bytes: SessionBytes })[] {
    return [...this.#entries].flatMap(({ live }) =>
      live === undefined ? [] : [{ ...live.session(), bytes: live.bytes() }],
    )
  }

  /** Those of one person that have been let in. */
  of(identity: Identified): readonly Live[] {
    const entries = this.#people.get(personOf(identity))?.live ?? []
    return [...entries].flatMap(({ live }) => live ?? [])
  }

  register(whose: Person): Registered {
    const person = personOf(whose.identity)
    const entry: Entry = { ...whose, number: this.#count++ }
    const { asking, live } = this.#peopleOf(person)
    this.#entries.add(entry)
    asking.add(entry)
    return {
      get others() {
        const before = [...asking].filter(({ number }) => number < entry.number).length
        return before + live.size - (live.has(entry) ? 1 : 0)
      },
      get fault() {
        return entry.fault
      },
      loginId: whose.loginId,
      letIn(one) {
        asking.delete(entry)
        live.add(entry)
        entry.live = one
        begin(entry, one.cut)
      },
      [Symbol.dispose]: () => {
        this.#entries.delete(entry)
        asking.delete(entry)
        live.delete(entry)
        if (asking.size + live.size === 0 && this.#people.get(person)?.live === live) this.#people.delete(person)
      },
    }
  }

  visit(whose: Person): Visiting {
    const entry: Entry = { ...whose, number: this.#count++ }
    const person = personOf(whose.identity)
    const visits = this.#visits.get(person) ?? new Set()
    this.#visits.set(person, visits)
    const others = visits.size
    this.#entries.add(entry)
    visits.add(entry)
    return {
      others,
      get fault() {
        return entry.fault
      },
      loginId: whose.loginId,
      received: (cut) => begin(entry, cut),
      [Symbol.dispose]: () => {
        this.#entries.delete(entry)
        visits.delete(entry)
        if (visits.size === 0 && this.#visits.get(person) === visits) this.#visits.delete(person)
      },
    }
  }

  #peopleOf(person: string): People {
    const known = this.#people.get(person) ?? { asking: new Set(), live: new Set() }
    this.#people.set(person, known)
    return known
  }

  /** Ends every session, also one that still asks, of which this holds. Answers how many. */
  end(why: GatewayError, whose: (person: Person) => boolean): number {
    this.#ends++
    const found = [...this.#entries].filter(whose)
    for (const entry of found) {
      entry.fault ??= why
      entry.cut?.(why)
    }
    return found.length
  }
}

type Identified = Pick<PolicyIdentity, 'issuer' | 'subject'>
const personOf = ({ issuer, subject }: Identified): string => JSON.stringify([issuer, subject])

function begin(entry: Entry, cut: (why: GatewayError) => void): void {
  entry.cut = cut
  if (entry.fault !== undefined) cut(entry.fault)
}
