/** One value for each text, which all have in common who ask for it; the oldest goes when there are more. */
export class Shared<Value> {
  readonly #values = new Map<string, Value>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  of(text: string, make: () => Value): Value {
    const found = this.#values.get(text)
    if (found !== undefined) return found
    const made = make()
    const [oldest] = this.#values.keys()
    if (this.#values.size >= this.#most && oldest !== undefined) this.#values.delete(oldest)
    this.#values.set(text, made)
    return made
  }
}
