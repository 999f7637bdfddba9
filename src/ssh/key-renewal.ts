import type { Milliseconds } from '../model/units.ts'

export interface RekeyLimits {
  /** Bytes that pass in either direction under the same keys. */
  readonly rekeyBytes: number
  readonly rekeyAfter: Milliseconds
}
/** RFC 4253 section 9: keys are changed after a gigabyte or an hour. */
export const rekeyLimits: RekeyLimits = { rekeyBytes: 1024 ** 3, rekeyAfter: 3_600_000 as Milliseconds }

/** A key exchange that takes longer is cut: what is sent meanwhile must wait in memory. */
export const rekeyPatience = 60_000 as Milliseconds

/** When one leg changes its keys, and how long that may take, whichever side began it. */
export class KeyRenewal implements Disposable {
  readonly #limits: RekeyLimits
  /** Begins an exchange, unless one is under way or the connection is over. */
  readonly #begin: () => void
  readonly #stalled: () => void
  readonly #timer: NodeJS.Timeout
  #carried = 0
  #deadline: NodeJS.Timeout | undefined
  #over = false

  constructor(limits: RekeyLimits, begin: () => void, stalled: () => void) {
    this.#limits = limits
    this.#begin = begin
    this.#stalled = stalled
    this.#timer = setInterval(begin, limits.rekeyAfter).unref()
  }

  /** An exchange has begun, and has not ended. */
  get underWay(): boolean {
    return this.#deadline !== undefined
  }

  /** So many bytes of messages have passed. */
  carried(bytes: number): void {
    this.#carried += bytes
    if (this.#carried <= this.#limits.rekeyBytes) return
    this.#carried = 0
    this.#begin()
  }

  /** One of the two sides has begun; what is still read of a connection that is over may say so too. */
  begun(): void {
    if (!this.#over) this.#deadline ??= setTimeout(this.#stalled, rekeyPatience)
  }

  /** New keys are in use. */
  done(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#carried = 0
    this.#timer.refresh()
  }

  [Symbol.dispose](): void {
    this.#over = true
    clearInterval(this.#timer)
    clearTimeout(this.#deadline)
  }
}
