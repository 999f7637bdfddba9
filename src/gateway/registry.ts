/** How many there are, as one of them sees it. */
export interface Counts {
  /** The person's others: those let in, and those that began to ask before this one. */
  readonly others: number
  /** All sessions and visits of all people, this one included. */
  readonly all: number
}
export type Kind = 'session' | 'visit'

/** One that is here, from when its person is known to its end. Disposing says that it is gone, once. */
export interface Enrolled extends Disposable {
  /** As it came. */
  readonly entered: Counts
  now(): Counts
  letIn(): void
}

interface Person {
  /** Numbers of those who ask, of those let in, and of visits. */
  readonly asking: Set<number>
  readonly live: Set<number>
  readonly visits: Set<number>
}

/** Everybody, by name, and how many all are. */
interface House {
  readonly people: Map<string, Person>
  next: number
  all: number
}

/**
 * Who is here, in the order in which they came. It is one for all: two who come at once come one after the other here, and
 * do not both pass for the only one, whichever processes they are in.
 */
export class Registry {
  readonly #house: House = { people: new Map(), next: 0, all: 0 }

  /** `name`: the same for the same person, and for nobody else (see `personOf`). */
  enrol(name: string, kind: Kind): Enrolled {
    return new One(this.#house, name, kind)
  }

  /** Sessions of a person that were let in. */
  liveOf(name: string): number {
    return this.#house.people.get(name)?.live.size ?? 0
  }

  /** People of whom anything is here. */
  get size(): number {
    return this.#house.people.size
  }
}

class One implements Enrolled {
  readonly entered: Counts
  readonly #house: House
  readonly #name: string
  readonly #kind: Kind
  readonly #person: Person
  readonly #number: number

  constructor(house: House, name: string, kind: Kind) {
    this.#house = house
    this.#name = name
    this.#kind = kind
    this.#number = house.next++
    this.#person = house.people.get(name) ?? { asking: new Set(), live: new Set(), visits: new Set() }
    house.people.set(name, this.#person)
    this.#person[kind === 'visit' ? 'visits' : 'asking'].add(this.#number)
    house.all++
    this.entered = this.now()
  }

  now(): Counts {
    return { others: this.#others, all: this.#house.all }
  }

  get #others(): number {
    const { asking, live, visits } = this.#person
    const before = (numbers: Set<number>): number => [...numbers].filter((other) => other < this.#number).length
    return this.#kind === 'visit' ? before(visits) : before(asking) + live.size - (live.has(this.#number) ? 1 : 0)
  }

  letIn(): void {
    const { asking, live } = this.#person
    if (asking.delete(this.#number)) live.add(this.#number)
  }

  [Symbol.dispose](): void {
    const { asking, live, visits } = this.#person
    const { people } = this.#house
    this.#house.all -= [asking, live, visits].filter((numbers) => numbers.delete(this.#number)).length
    const isGone = asking.size + live.size + visits.size === 0
    if (isGone && people.get(this.#name) === this.#person) people.delete(this.#name)
  }
}

/** A name for the registry. */
export const personOf = ({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string =>
  JSON.stringify([issuer, subject])
