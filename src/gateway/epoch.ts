/**
 * Counts the changes of what all answers rest on: policy, data, routes, robots. Whoever acts on an answer compares the count
 * with that from before the question; an answer of another count is asked for again. A login that is revoked is the
 * matter of those alone who rest on it (see sessions.ts).
 */
export class Epoch {
  #now = 0
  readonly #listeners = new Set<() => void>()

  get now(): number {
    return this.#now
  }

  /** Something has changed. It is changed already: who asks from here on gets the new answer. */
  advance(): void {
    this.#now++
    for (const listener of [...this.#listeners]) listener()
  }

  /** Calls `listener` at each change, until it is disposed of. */
  onAdvance(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
