import type { Address } from '../model/address.ts'
import type { Milliseconds } from '../model/units.ts'
import type { TurnedAway } from './measures.ts'
import type { Offence } from './offences.ts'
import { Penalties, type PenaltyRules } from './penalties.ts'
import { type Place, type PlaceLimits, Places } from './places.ts'
import { Rate, type RateLimits, Rates } from './rates.ts'
import { type Counts, type Enrolled, type Kind, Registry } from './registry.ts'

/**
 * What must be one for all, however many processes there are: places, penalties, rates, and who is here. Where it is held
 * by another process every answer takes a moment; what is only said (a place given back, somebody gone) arrives in the
 * order in which it was said.
 */
export interface Commons {
  /** A place among those not let in yet, unless the source is penalised or there is none. */
  enter(source: Address): Promise<Place | NotTaken>
  /** Whether the source is refused from now on. */
  punish(source: Address, offence: Offence): Promise<boolean>
  /** A place among those who sign in, or why there is none. */
  signIn(source: Address): Promise<Place | string>
  /** Whether the refusal of somebody unknown may take room in the log. */
  roomForStranger(): Promise<boolean>
  enrol(person: string, kind: Kind): Enrolment
  /** Sessions of that person that were let in. */
  liveOf(person: string): Promise<number>
}
export type NotTaken = Extract<TurnedAway, 'TOO_MANY_CONNECTIONS' | 'SOURCE_PENALISED'>

/** As `Enrolled`, wherever the registry is. */
export interface Enrolment extends Disposable {
  readonly entered: Promise<Counts>
  now(): Promise<Counts>
  letIn(): void
}

/** Plain data: it may have come from another process. */
export interface CommonLimits {
  readonly unauthenticated: PlaceLimits
  readonly penalties: PenaltyRules
  readonly signIns: PlaceLimits
  readonly signInsPerMinute: RateLimits
  readonly strangerRefusalsPerMinute: number
}

const monotonic = (): Milliseconds => performance.now() as Milliseconds

/** In this process. Each method answers at once; `ownCommons` makes a `Commons` of it. */
export class OwnCommons {
  readonly #unauthenticated: Places
  readonly #penalties: Penalties
  readonly #signIns: Places
  readonly #signInRates: Rates
  readonly #strangers: Rate
  readonly #registry = new Registry()

  /** `limits` may change. */
  constructor(limits: () => CommonLimits) {
    this.#unauthenticated = new Places(() => limits().unauthenticated)
    this.#penalties = new Penalties(() => limits().penalties)
    this.#signIns = new Places(() => limits().signIns)
    this.#signInRates = new Rates(() => limits().signInsPerMinute, monotonic())
    this.#strangers = new Rate(() => limits().strangerRefusalsPerMinute, monotonic())
  }

  enter(source: Address): Place | NotTaken {
    if (this.#penalties.refuses(source, monotonic())) return 'SOURCE_PENALISED'
    return this.#unauthenticated.take(source) ?? 'TOO_MANY_CONNECTIONS'
  }

  punish(source: Address, offence: Offence): boolean {
    return this.#penalties.punish(source, offence, monotonic())
  }

  signIn(source: Address): Place | string {
    const place = this.#signIns.take(source)
    if (place === undefined) return 'no place for another sign-in'
    if (this.#signInRates.take(source, monotonic())) return place
    place[Symbol.dispose]()
    return 'too many sign-ins were begun within a minute'
  }

  roomForStranger(): boolean {
    return this.#strangers.take(monotonic())
  }

  get registry(): Registry {
    return this.#registry
  }
}

/** For the process that has it itself. */
export const ownCommons = (own: OwnCommons): Commons => ({
  enter: async (source) => own.enter(source),
  punish: async (source, offence) => own.punish(source, offence),
  signIn: async (source) => own.signIn(source),
  roomForStranger: async () => own.roomForStranger(),
  ...ownRegistry(own.registry),
})

export const ownRegistry = (registry: Registry): Pick<Commons, 'enrol' | 'liveOf'> => ({
  enrol: (person, kind) => new OwnEnrolment(registry.enrol(person, kind)),
  liveOf: async (person) => registry.liveOf(person),
})

class OwnEnrolment implements Enrolment {
  readonly #enrolled: Enrolled

  constructor(enrolled: Enrolled) {
    this.#enrolled = enrolled
  }

  get entered(): Promise<Counts> {
    return Promise.resolve(this.#enrolled.entered)
  }

  async now(): Promise<Counts> {
    return this.#enrolled.now()
  }

  letIn(): void {
    this.#enrolled.letIn()
  }

  [Symbol.dispose](): void {
    this.#enrolled[Symbol.dispose]()
  }
}
