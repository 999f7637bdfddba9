import { type Address, limitPrefix } from '../model/address.ts'
import type { Milliseconds } from '../model/units.ts'

/** So many a minute, all at once if none were taken before (a token bucket). */
export class Rate {
  readonly #most: () => number
  #left: number
  #at: Milliseconds

  /** `perMinute` may change. */
  constructor(perMinute: () => number, now: Milliseconds) {
    this.#most = perMinute
    this.#left = perMinute()
    this.#at = now
  }

  /** Whether there is one left. `now` is on a clock that never goes back. */
  take(now: Milliseconds): boolean {
    this.#fill(now)
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  full(now: Milliseconds): boolean {
    this.#fill(now)
    return this.#left === this.#most()
  }

  #fill(now: Milliseconds): void {
    const most = this.#most()
    this.#left = Math.min(most, this.#left + ((now - this.#at) / 60_000) * most)
    this.#at = now
  }
}

export interface RateLimits {
  /** A minute, in all. */
  readonly total: number
  /** A minute, of one IPv4 address, or one IPv6 /64. */
  readonly perSource: number
}

/** Sources that are remembered; beyond that the one that was seen first is forgotten. */
const sourcesMost = 10_000

/** A rate in all and one for each source. */
export class Rates {
  readonly #limits: () => RateLimits
  readonly #total: Rate
  readonly #bySource = new Map<string, Rate>()

  /** `limits` may change. */
  constructor(limits: () => RateLimits, now: Milliseconds) {
    this.#limits = limits
    this.#total = new Rate(() => limits().total, now)
  }

  /** A source that has taken all of its own takes nothing from the others. */
  take(source: Address, now: Milliseconds): boolean {
    const prefix = limitPrefix(source)
    const own = this.#bySource.get(prefix) ?? this.#remember(prefix, now)
    return own.take(now) && this.#total.take(now)
  }

  #remember(prefix: string, now: Milliseconds): Rate {
    if (this.#bySource.size >= sourcesMost) this.#forget(now)
    const rate = new Rate(() => this.#limits().perSource, now)
    this.#bySource.set(prefix, rate)
    return rate
  }

  #forget(now: Milliseconds): void {
    for (const [prefix, rate] of this.#bySource) if (rate.full(now)) this.#bySource.delete(prefix)
    const [first] = this.#bySource.keys()
    if (this.#bySource.size >= sourcesMost && first !== undefined) this.#bySource.delete(first)
  }
}
