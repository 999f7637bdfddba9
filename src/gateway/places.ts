import { type Address, limitPrefix } from '../model/address.ts'

export interface PlaceLimits {
  readonly total: number
  /** Of one IPv4 address, or one IPv6 /64. */
  readonly perSource: number
}

/** A bounded number of places, in all and for each source; who gets none is turned away, nobody waits. */
export class Places {
  readonly #limits: PlaceLimits
  readonly #bySource = new Map<string, number>()
  #taken = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#taken
  }

  /** Undefined when all are taken. Disposing gives the place back, once. */
  take(source: Address): Disposable | undefined {
    const prefix = limitPrefix(source)
    const here = this.#bySource.get(prefix) ?? 0
    if (this.#taken >= this.#limits.total || here >= this.#limits.perSource) return undefined
    this.#taken++
    this.#bySource.set(prefix, here + 1)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.#giveBack(prefix)
        held = false
      },
    }
  }

  #giveBack(prefix: string): void {
    this.#taken--
    const left = (this.#bySource.get(prefix) ?? 1) - 1
    if (left === 0) this.#bySource.delete(prefix)
    else this.#bySource.set(prefix, left)
  }
}
