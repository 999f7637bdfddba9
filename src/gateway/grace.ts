import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Leg } from '../ssh/leg.ts'
import { disconnectReason } from '../ssh/transport-messages.ts'
import { refusal } from './words.ts'

export interface GraceLimits {
  /** For authentication without a sign-in, and for all of it once one has begun. */
  readonly grace: Milliseconds
  readonly signInGrace: Milliseconds
}

/** Clients with `ServerAliveInterval 1` give up after a second of silence, also before they are let in. */
const keepAwakeEvery = 900

/** The time before a client is let in: it is kept awake all along, and cut when it takes too long. */
export class Grace implements Disposable {
  readonly #leg: Leg
  readonly #limits: GraceLimits
  #ticker: NodeJS.Timeout | undefined
  readonly #begun = performance.now()
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(leg: Leg, limits: GraceLimits) {
    this.#leg = leg
    this.#limits = limits
    this.#ticker = setInterval(() => leg.keepAwake(), keepAwakeEvery)
    this.#cutAt(this.#begun + limits.grace)
  }

  /** A person takes longer than a key. Disposed of, when the sign-in is over: what is left to do is quick again. */
  signIn(): Disposable {
    const end = this.#begun + this.#limits.signInGrace
    this.#cutAt(end)
    return {
      [Symbol.dispose]: () => {
        if (!this.#over) this.#cutAt(Math.min(end, performance.now() + this.#limits.grace))
      },
    }
  }

  #cutAt(instant: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        const fault = new GatewayError('GRACE_EXCEEDED', 'authentication took too long')
        this.#leg.disconnect(disconnectReason.byApplication, refusal(fault.code).lines[0], fault)
      },
      Math.max(0, instant - performance.now()),
    )
  }

  [Symbol.dispose](): void {
    this.#over = true
    clearTimeout(this.#timer)
    clearInterval(this.#ticker)
    this.#timer = this.#ticker = undefined
  }
}
