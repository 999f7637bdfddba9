/** Milliseconds after a worker's death in which a connection may still meet it. */
const deathLasts = 1_000
/** Milliseconds after it by which whoever it cuts has noticed: who hangs is not cut. */
const noticedWithin = 20_000

/** What was done, and what went wrong. */
export class Tally {
  readonly #done = new Map<string, number>()
  readonly #cut = new Map<string, number>()
  readonly #faults: string[] = []
  readonly #kills: number[] = []
  /** Milliseconds from a revocation to the end of the session. */
  readonly revocations: number[] = []

  get faults(): readonly string[] {
    return this.#faults
  }

  get kills(): number {
    return this.#kills.length
  }

  /** Logins that a client has seen to succeed. */
  logins = 0

  killed(): void {
    this.#kills.push(performance.now())
  }

  /** Does the work again and again until `signal`; a piece that fails while a worker is killed is cut, and no fault. */
  async lane(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      const begun = performance.now()
      try {
        await work()
        this.#done.set(name, (this.#done.get(name) ?? 0) + 1)
      } catch (thrown) {
        const failed = performance.now()
        const isCut = this.#kills.some(
          (kill) => begun < kill + deathLasts && kill < failed && failed < kill + noticedWithin,
        )
        if (isCut) this.#cut.set(name, (this.#cut.get(name) ?? 0) + 1)
        else this.fault(`${name}: ${(thrown as Error).message}`)
      }
    }
  }

  fault(text: string): void {
    this.#faults.push(text)
    console.error(`soak: ${text}`)
  }

  text(): string {
    return [...this.#done]
      .map(([name, done]) => {
        const cut = this.#cut.get(name)
        return `${name} ${done}${cut === undefined ? '' : ` (${cut} cut by a kill)`}`
      })
      .join(', ')
  }
}
