import { type Address, limitPrefix } from '../model/address.ts'

export interface PlaceLimits {
  readonly total: number
  /** Of one IPv4 address, or one IPv6 /64. */
  readonly perSource: number
  /**
   * Absent: whoever comes gets a place until the total is reached. From `from` places on some are turned away at random,
   * `percent` at first and all at the total: a flood never shuts everybody out (sshd_config(5), MaxStartups).
   */
  readonly early?: { readonly from: number; readonly percent: number }
}

/** Disposing gives it back, once. */
export interface Place extends Disposable {
  /** Does not count towards the total for a while: somebody who waits for a person has a limit of their own. */
  aside(): Disposable
}

/** A bounded number of places, in all and for each source; who gets none is turned away, nobody waits. */
export class Places {
  readonly #limits: () => PlaceLimits
  readonly #draw: () => number
  readonly #bySource = new Map<string, number>()
  #taken = 0

  /** `limits` may change. `draw`: at random from 0 to 1, without the 1. */
  constructor(limits: () => PlaceLimits, draw: () => number = Math.random) {
    this.#limits = limits
    this.#draw = draw
  }

  get taken(): number {
    return this.#taken
  }

  /** Undefined when all are taken, or chance had it so. */
  take(source: Address): Place | undefined {
    const prefix = limitPrefix(source)
    const here = this.#bySource.get(prefix) ?? 0
    if (here >= this.#limits().perSource || this.#isDropped()) return undefined
    this.#taken++
    this.#bySource.set(prefix, here + 1)
    return new HeldPlace(
      (step) => {
        this.#taken += step
      },
      () => this.#giveBack(prefix),
    )
  }

  /** As sshd.c has it (should_drop_connection): the chance rises in a line. */
  #isDropped(): boolean {
    const { total, early } = this.#limits()
    if (this.#taken >= total) return true
    if (early === undefined || this.#taken < early.from) return false
    const way = (this.#taken - early.from) / (total - early.from)
    return this.#draw() * 100 < early.percent + (100 - early.percent) * way
  }

  #giveBack(prefix: string): void {
    const left = (this.#bySource.get(prefix) ?? 1) - 1
    if (left === 0) this.#bySource.delete(prefix)
    else this.#bySource.set(prefix, left)
  }
}

class HeldPlace implements Place {
  readonly #count: (step: 1 | -1) => void
  readonly #giveBack: () => void
  #held = true
  #asides = 0

  constructor(count: (step: 1 | -1) => void, giveBack: () => void) {
    this.#count = count
    this.#giveBack = giveBack
  }

  aside(): Disposable {
    if (this.#asides++ === 0 && this.#held) this.#count(-1)
    let isAside = true
    return {
      [Symbol.dispose]: () => {
        if (isAside && --this.#asides === 0 && this.#held) this.#count(1)
        isAside = false
      },
    }
  }

  [Symbol.dispose](): void {
    if (!this.#held) return
    this.#held = false
    if (this.#asides === 0) this.#count(-1)
    this.#giveBack()
  }
}
