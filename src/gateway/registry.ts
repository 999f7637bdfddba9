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

/**
 * Who is here, in the order in which they came. It is one for all: two who come at once come one after the other here, and
 * do not both pass for the only one, whichever processes they are in.
 */
export class Registry {
  readonly #people = new Map<string, Person>()
  #next = 0
  #all = 0

  /** `name`: the same for the same person, and for nobody else (see `personOf`). */
  enrol(name: string, kind: Kind): Enrolled {
    const number = this.#next++
    const person = this.#people.get(name) ?? { asking: new Set(), live: new Set(), visits: new Set() }
    this.#people.set(name, person)
    const { asking, live, visits } = person
    const others = (): number => {
      if (kind === 'visit') return [...visits].filter((other) => other < number).length
      const before = [...asking].filter((other) => other < number).length
      return before + live.size - (live.has(number) ? 1 : 0)
    }
    const now = (): Counts => ({ others: others(), all: this.#all })
    const place = kind === 'visit' ? visits : asking
    place.add(number)
    this.#all++
    return {
      entered: now(),
      now,
      letIn: () => {
        if (asking.delete(number)) live.add(number)
      },
      [Symbol.dispose]: () => {
        const was = [asking, live, visits].filter((set) => set.delete(number)).length
        this.#all -= was
        if (asking.size + live.size + visits.size === 0 && this.#people.get(name) === person) this.#people.delete(name)
      },
    }
  }

  /** Sessions of a person that were let in. */
  liveOf(name: string): number {
    return this.#people.get(name)?.live.size ?? 0
  }

  /** People of whom anything is here. */
  get size(): number {
    return this.#people.size
  }
}

/** A name for the registry. */
export const personOf = ({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string =>
  JSON.stringify([issuer, subject])
