/** So many at once, the others in the order in which they came. */
export class Turns {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  async take(): Promise<Disposable> {
    if (this.#taken < this.#most) this.#taken++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.#giveBack()
        held = false
      },
    }
  }

  #giveBack(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken--
    else next()
  }
}
