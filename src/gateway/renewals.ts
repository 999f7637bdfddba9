import type { Shown } from '../model/certificate.ts'
import { asGatewayError, type GatewayError } from '../model/errors.ts'
import type { Epoch } from './epoch.ts'
import type { Life, Over, Renewal } from './life.ts'
import type { Turns } from './turns.ts'
import type { Refusal } from './words.ts'

export interface RenewalParts {
  readonly epoch: Epoch
  /** Of all sessions that ask at once, so that admissions find the policy free. */
  readonly turns: Turns
}
/** What comes of it. */
export interface Course {
  renewed(certificate: Shown, decisionId: string): void
  /** It is asked again. */
  failed(fault: GatewayError): void
  denied(fault: GatewayError, refusal: Refusal): void
  /** A fault of the gateway's own: it can't go on. */
  cut(why: GatewayError): void
  /** Does on behalf of the session what somebody else has called for. */
  inside(act: () => void): void
}

/** A failing evaluation is tried again after so many milliseconds, and each time after twice as many. */
const firstRetry = 250
const retryMost = 15_000

/**
 * Asks the policy again, before the certificate ends and as soon as something has changed that its answer rests on, until
 * it says no or the session is over. One question at a time; an answer that is stale when it comes is not acted on, and so
 * the later question always wins. Between two questions there is a timer and nothing that waits: of these are thousands.
 */
export class Renewals implements Over, Disposable {
  readonly #life: Life
  readonly #course: Course
  readonly #turns: Turns
  readonly #change: Disposable
  #retry = firstRetry
  /** It waits for this one; without it a question is under way, or due. */
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(life: Life, course: Course, { epoch, turns }: RenewalParts) {
    this.#life = life
    this.#course = course
    this.#turns = turns
    this.#change = epoch.onAdvance(() => this.#changed())
    this.#waitUntil(renewAt(life.certificate))
  }

  get aborted(): boolean {
    return this.#isOver
  }

  #waitUntil(instant: number): void {
    if (this.#isOver) return
    if (this.#life.isStale) this.#begin()
    else this.#timer = setTimeout(() => this.#begin(), Math.max(0, instant - Date.now()))
  }

  #changed(): void {
    if (this.#timer !== undefined) this.#course.inside(() => this.#begin())
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#ask().catch((thrown: unknown) =>
      this.#course.cut(asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')),
    )
  }

  async #ask(): Promise<void> {
    const renewal = await this.#inTurn()
    if (this.#isOver) return // also since the answer has come
    switch (renewal?.outcome) {
      case 'stale':
        return this.#waitUntil(Date.now())
      case 'renewed':
        this.#retry = firstRetry
        this.#course.renewed(renewal.certificate, renewal.decisionId)
        return this.#waitUntil(renewAt(renewal.certificate))
      case 'failed':
        this.#course.failed(renewal.fault)
        this.#timer = setTimeout(() => this.#begin(), this.#retry)
        this.#retry = Math.min(this.#retry * 2, retryMost)
        return
      case 'denied':
        this[Symbol.dispose]()
        return this.#course.denied(renewal.fault, renewal.refusal)
    }
  }

  /** Undefined: it is over. */
  async #inTurn(): Promise<Renewal | undefined> {
    using turn = await this.#turns.take()
    if (this.#isOver) return undefined
    return await this.#life.renew(this, { answered: () => turn[Symbol.dispose]() })
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#change[Symbol.dispose]()
    clearTimeout(this.#timer)
  }
}

/** Milliseconds since 1970: a tenth of its time before it ends, but not all at once with those issued at the same time. */
function renewAt({ validBefore }: Shown): number {
  const end = validBefore * 1000
  const left = end - Date.now()
  const early = Math.min(left / 2, Math.max(left / 10, 2_000), 60_000)
  return end - early * (1 + Math.random() / 4)
}
