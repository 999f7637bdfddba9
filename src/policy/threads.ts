import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import { PolicyThread } from './thread.ts'

/** After that those that were taken are replaced: what a bundle in force leaves behind comes sooner. */
const usualPause = 1_000 as Milliseconds

/**
 * Threads that stand by. They have their code already, which takes a thread most of its start: so a bundle is at work in
 * a moment, and so is one that lost a thread over a question.
 */
export class Threads implements AsyncDisposable {
  readonly #most: number
  readonly #pause: Milliseconds
  readonly #standing: PolicyThread[] = []
  readonly #ending = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #starting = 0
  #closed = false

  /** Threads that were started for who takes first, which need not wait for each other. */
  readonly #begun: Promise<PolicyThread>[]

  /** `most` stand by, a `pause` after they have been taken; `first` are started at once besides. */
  constructor(most: number, pause = usualPause, first = 0) {
    this.#most = most
    this.#pause = pause
    this.#begun = Array.from({ length: first }, () => PolicyThread.start())
    for (const thread of this.#begun) thread.catch(() => {}) // told to who takes it
    this.#refillLater()
  }

  /** Throws as PolicyThread.start does. */
  async take(): Promise<PolicyThread> {
    const thread = this.#standing.pop() ?? (await (this.#begun.pop() ?? PolicyThread.start()))
    thread.lost = () => {}
    this.#refillLater()
    return thread
  }

  /** One that nobody asks any more. */
  giveBack(thread: PolicyThread): void {
    if (thread.isOver) return
    thread.lost = () => {}
    if (this.#closed || this.#standing.length >= this.#most) this.#end(thread)
    else {
      thread.lost = () => this.#lost(thread)
      this.#standing.push(thread)
    }
  }

  #end(thread: PolicyThread): void {
    const ended = thread.end(stopped()).finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
  }

  #lost(thread: PolicyThread): void {
    const at = this.#standing.indexOf(thread)
    if (at >= 0) this.#standing.splice(at, 1)
    this.#refillLater()
  }

  #refillLater(): void {
    if (!this.#closed) this.#timer ??= setTimeout(() => this.#refill(), this.#pause).unref()
  }

  #refill(): void {
    this.#timer = undefined
    const missing = this.#most - this.#standing.length - this.#starting
    for (let count = 0; count < missing; count++) void this.#start()
  }

  async #start(): Promise<void> {
    this.#starting++
    try {
      this.giveBack(await PolicyThread.start())
    } catch {
      this.#refillLater() // no memory just now, perhaps
    } finally {
      this.#starting--
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const begun of await Promise.allSettled(this.#begun.splice(0)))
      if (begun.status === 'fulfilled') this.#end(begun.value)
    for (const thread of this.#standing.splice(0)) this.#end(thread)
    await Promise.all(this.#ending)
  }
}

const stopped = (): GatewayError => new GatewayError('POLICY_BUSY', 'the policy is being replaced')
