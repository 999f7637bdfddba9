import type { Certificate } from '../model/certificate.ts'
import { type ErrorCode, GatewayError } from '../model/errors.ts'
import type { UnixSeconds } from '../model/units.ts'

/** How often it is looked whether data has passed. */
const lookEvery = 1_000

/** What is ended. */
export interface Bounded {
  /** Bytes of data so far, both ways. */
  readonly carried: number
  cut(why: GatewayError): void
}

/** The instant of an end, in seconds, and why. */
interface End {
  readonly at: number
  readonly code: ErrorCode
  readonly message: string
}

/** The ends that a certificate sets to its session: its own, that of the session, and that of a silence. */
export class Ends implements Disposable {
  readonly #session: Bounded
  readonly #startedAt: UnixSeconds
  readonly #robotUntil: UnixSeconds | undefined
  /** For the first end there is. */
  #timer: NodeJS.Timeout | undefined
  #look: NodeJS.Timeout | undefined
  #seen = 0
  #lastData = performance.now()

  /** `robotUntil`: a robot's key opens nothing from then on. */
  constructor(session: Bounded, startedAt: UnixSeconds, robotUntil: UnixSeconds | undefined) {
    this.#session = session
    this.#startedAt = startedAt
    this.#robotUntil = robotUntil
  }

  /** These are the ends from now on; a silence that has begun goes on. */
  set({ validBefore, permissions }: Pick<Certificate, 'validBefore' | 'permissions'>): void {
    this[Symbol.dispose]()
    let first: End = { at: validBefore, code: 'CERTIFICATE_EXPIRED', message: 'the certificate has ended' }
    const or = (at: number, code: ErrorCode, message: string): void => {
      if (at < first.at) first = { at, code, message }
    }
    if (this.#robotUntil !== undefined) or(this.#robotUntil, 'ROBOT_EXPIRED', 'the robot’s key has expired')
    const limit = permissions['session-limit@regate']
    if (limit !== undefined) or(this.#startedAt + limit, 'SESSION_LIMIT', `${limit} seconds since the login`)
    this.#wait(first)
    const idle = permissions['idle-timeout@regate']
    if (idle === undefined) return
    this.#look = setInterval(() => this.#lookFor(idle), Math.min(lookEvery, (idle * 1000) / 4))
    this.#lookFor(idle) // certificates may follow one another faster than the timer comes round
  }

  #wait({ at, code, message }: End): void {
    const left = Math.max(0, at * 1000 - Date.now()) // an hour at most: certificates last no longer
    this.#timer = setTimeout(() => this.#session.cut(new GatewayError(code, message)), left)
  }

  #lookFor(idle: number): void {
    const { carried } = this.#session
    const now = performance.now()
    if (carried !== this.#seen) this.#lastData = now
    this.#seen = carried
    if (now - this.#lastData >= idle * 1000)
      this.#session.cut(new GatewayError('IDLE_TIMEOUT', `no data for ${idle} seconds`))
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    clearInterval(this.#look)
  }
}
