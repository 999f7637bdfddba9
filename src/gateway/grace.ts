import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import { disconnectReason, type Leg } from '../ssh/leg.ts'
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
  readonly #ticker: NodeJS.Timeout
  readonly #begun = Date.now()
  #timer: NodeJS.Timeout
  #signingIn = false

  constructor(leg: Leg, limits: GraceLimits) {
    this.#leg = leg
    this.#limits = limits
    this.#ticker = setInterval(() => leg.keepAwake(), keepAwakeEvery)
    this.#timer = this.#cutAfter(limits.grace)
  }

  /** A person takes longer than a key; once. */
  signIn(): void {
    if (this.#signingIn) return
    this.#signingIn = true
    clearTimeout(this.#timer)
    this.#timer = this.#cutAfter(this.#limits.signInGrace)
  }

  #cutAfter(length: Milliseconds): NodeJS.Timeout {
    return setTimeout(
      () => {
        const fault = new GatewayError('GRACE_EXCEEDED', 'authentication took too long')
        this.#leg.disconnect(disconnectReason.byApplication, refusal(fault.code).lines[0], fault)
      },
      Math.max(0, this.#begun + length - Date.now()),
    )
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    clearInterval(this.#ticker)
  }
}
