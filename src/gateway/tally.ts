import type { Milliseconds } from '../model/units.ts'

/** Counts what may come as a flood, and tells it in one line now and then: it must not become a flood of lines. */
export class Tally {
  readonly #every: Milliseconds
  readonly #tell: (count: number, last: string) => void
  #count = 0
  #last = ''
  #timer: NodeJS.Timeout | undefined

  /** `tell` hears at most once in `every`, of how many there were and what the last of them was. */
  constructor(every: Milliseconds, tell: (count: number, last: string) => void) {
    this.#every = every
    this.#tell = tell
  }

  add(what: string): void {
    this.#count++
    this.#last = what
    this.#timer ??= setTimeout(() => {
      this.#tell(this.#count, this.#last)
      this.#count = 0
      this.#timer = undefined
    }, this.#every).unref()
  }
}
