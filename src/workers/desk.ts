import type { OwnCommons } from '../gateway/commons.ts'
import type { Place } from '../gateway/places.ts'
import type { Counts, Enrolled } from '../gateway/registry.ts'
import { GatewayError } from '../model/errors.ts'
import type { Answering } from './channel.ts'
import type { WorkerAsks, WorkerSays } from './protocol.ts'

/** What one worker holds of what is one for all. Disposed of, when the worker is gone, everything is given back. */
export class Desk implements Disposable {
  readonly #commons: OwnCommons
  readonly #places = new Map<number, { readonly place: Place; readonly asides: Disposable[] }>()
  readonly #enrolled = new Map<number, Enrolled>()

  constructor(commons: OwnCommons) {
    this.#commons = commons
  }

  readonly asked = {
    enter: ({ id, source }) => {
      const place = this.#commons.enter(source)
      if (typeof place === 'string') return place
      this.#places.set(id, { place, asides: [] })
      return 'taken'
    },
    signIn: ({ id, source }) => {
      const place = this.#commons.signIn(source)
      if (typeof place === 'string') return { why: place }
      this.#places.set(id, { place, asides: [] })
      return 'taken'
    },
    punish: ({ source, offence }) => this.#commons.punish(source, offence),
    roomForStranger: () => this.#commons.roomForStranger(),
    enrol: ({ id, person, kind }): Counts => {
      const enrolled = this.#commons.registry.enrol(person, kind)
      this.#enrolled.set(id, enrolled)
      return enrolled.entered
    },
    counts: ({ id }): Counts => {
      const enrolled = this.#enrolled.get(id)
      if (enrolled === undefined) throw new GatewayError('INTERNAL', 'counted for somebody who has gone')
      return enrolled.now()
    },
    liveOf: (person) => this.#commons.registry.liveOf(person),
  } satisfies Partial<Answering<WorkerAsks, WorkerSays>['asked']>

  readonly said = {
    giveBack: ({ id }) => {
      this.#places.get(id)?.place[Symbol.dispose]()
      this.#places.delete(id)
    },
    aside: ({ id }) => {
      const held = this.#places.get(id)
      held?.asides.push(held.place.aside())
    },
    back: ({ id }) => this.#places.get(id)?.asides.pop()?.[Symbol.dispose](),
    letIn: ({ id }) => this.#enrolled.get(id)?.letIn(),
    gone: ({ id }) => {
      this.#enrolled.get(id)?.[Symbol.dispose]()
      this.#enrolled.delete(id)
    },
  } satisfies Partial<Answering<WorkerAsks, WorkerSays>['said']>;

  [Symbol.dispose](): void {
    for (const { place } of this.#places.values()) place[Symbol.dispose]()
    for (const enrolled of this.#enrolled.values()) enrolled[Symbol.dispose]()
    this.#places.clear()
    this.#enrolled.clear()
  }
}
