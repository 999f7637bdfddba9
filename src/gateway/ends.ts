import type { Certificate } from '../model/certificate.ts'
import { type ErrorCode, GatewayError } from '../model/errors.ts'
import type { UnixSeconds } from '../model/units.ts'

/** How often it is looked whether data has passed. */
const lookEvery = 1_000
/** The longest time that a timer of Node's takes. */
const timerMost = 2_147_483_647

/** The ends that a certificate sets to its session: its own, that of the session, and that of a silence. */
export class Ends implements Disposable {
  readonly #startedAt: UnixSeconds
  readonly #robotUntil: UnixSeconds | undefined
  readonly #carried: () => number
  readonly #cut: (why: GatewayError) => void
  #timers: NodeJS.Timeout[] = []
  #seen = 0
  #lastData = performance.now()

  /** `carried`: bytes of data so far, both ways. `robotUntil`: a robot's key opens nothing from then on. */
  constructor(
    startedAt: UnixSeconds,
    robotUntil: UnixSeconds | undefined,
    carried: () => number,
    cut: (why: GatewayError) => void,
  ) {
    this.#startedAt = startedAt
    this.#robotUntil = robotUntil
    this.#carried = carried
    this.#cut = cut
  }

  /** These are the ends from now on; a silence that has begun goes on. */
  set({ validBefore, permissions }: Certificate): void {
    this[Symbol.dispose]()
    this.#at(validBefore, 'CERTIFICATE_EXPIRED', 'the certificate has ended')
    if (this.#robotUntil !== undefined) this.#at(this.#robotUntil, 'ROBOT_EXPIRED', 'the robot’s key has expired')
    const limit = permissions['session-limit@regate']
    const idle = permissions['idle-timeout@regate']
    if (limit !== undefined) this.#at(this.#startedAt + limit, 'SESSION_LIMIT', `${limit} seconds since the login`)
    if (idle === undefined) return
    this.#timers.push(setInterval(() => this.#look(idle), Math.min(lookEvery, (idle * 1000) / 4)))
    this.#look(idle) // certificates may follow one another faster than the timer comes round
  }

  #at(seconds: number, code: ErrorCode, message: string): void {
    const left = Math.min(timerMost, Math.max(0, seconds * 1000 - Date.now()))
    this.#timers.push(setTimeout(() => this.#cut(new GatewayError(code, message)), left))
  }

  #look(idle: number): void {
    const carried = this.#carried()
    const now = performance.now()
    if (carried !== this.#seen) this.#lastData = now
    this.#seen = carried
    if (now - this.#lastData >= idle * 1000) this.#cut(new GatewayError('IDLE_TIMEOUT', `no data for ${idle} seconds`))
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
  }
}
