import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Bundle } from './bundle.ts'
import { failed, type PolicyThread } from './thread.ts'
import type { Threads } from './threads.ts'
import type { Answer, Question } from './worker.ts'

export interface PoolSettings {
  /** How many evaluations run at once. */
  readonly workers: number
  readonly deadline: Milliseconds
  /** Of a module's memory: 64 KiB each. */
  readonly memoryPages: number
}

type Job = Question & { readonly settle: (answer: Answer) => void }
/** What one thread has been asked. A thread that is warming takes no questions yet. */
interface Line {
  readonly jobs: Job[]
  readonly isWarming: boolean
  timer?: NodeJS.Timeout
}

/**
 * Questions that a thread has at once: one that it evaluates, and the next, so that it need not wait for us in between. They
 * are few: who waits in a thread is not taken by another that becomes free.
 */
const askedMost = 2
/** Evaluations that may wait; beyond it the next is denied (POLICY_BUSY). */
const waitingMost = 1_024
/** Milliseconds in which a pool that takes no more questions must have answered those that it has. */
const drainMost = 60_000
/** Milliseconds for the first questions of all to a thread. */
const warmMost = 2_000
/** Milliseconds until it is tried again to have as many threads as there should be. */
const againAfter = 1_000

/**
 * Evaluates one bundle in threads. A question that passes the deadline loses its thread, and one that stood by takes over:
 * who waits behind it waits for the deadline, and not for a new thread.
 */
export class PolicyPool implements AsyncDisposable {
  readonly #bundle: Bundle
  readonly #settings: PoolSettings
  readonly #threads: Threads
  readonly #idle: PolicyThread[] = []
  /** What each has been asked; it is at work on the first. */
  readonly #busy = new Map<PolicyThread, Line>()
  readonly #waiting: Job[] = []
  #entrypoints: readonly string[] = []
  #starting = 0
  #restarts = 0
  /** Open: it takes questions. Draining: it answers those that it has. */
  #stage: 'open' | 'draining' | 'closed' = 'open'

  private constructor(bundle: Bundle, settings: PoolSettings, threads: Threads) {
    this.#bundle = bundle
    this.#settings = settings
    this.#threads = threads
  }

  /**
   * Ready when its threads are, which are those that stand by in `threads`, and come back there. Throws POLICY_BUNDLE or
   * POLICY_BUILTIN_UNSERVED for a module that cannot run.
   */
  static async start(bundle: Bundle, settings: PoolSettings, threads: Threads): Promise<PolicyPool> {
    const pool = new PolicyPool(bundle, settings, threads)
    const started = await Promise.allSettled(Array.from({ length: settings.workers }, () => pool.#startThread()))
    const broken = started.find((one) => one.status === 'rejected')
    if (broken === undefined) return pool
    await pool[Symbol.asyncDispose]()
    throw broken.reason
  }

  /** What the module can be asked. */
  get entrypoints(): readonly string[] {
    return this.#entrypoints
  }

  /** Threads that had to be replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** Never rejects: what goes wrong is an answer too. */
  evaluate(question: Question): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    if (this.#stage !== 'open' || this.#waiting.length >= waitingMost)
      resolve(failed(new GatewayError('POLICY_BUSY', 'too many evaluations are waiting')))
    else {
      this.#waiting.push({ ...question, settle: resolve })
      this.#next()
    }
    return promise
  }

  /** Asks each thread before anybody else does, without the deadline: none is as fast at first as it is later. */
  async warm(questions: readonly Question[]): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => this.#warm(thread, questions)))
  }

  async #warm(thread: PolicyThread, questions: readonly Question[]): Promise<void> {
    this.#busy.set(thread, { jobs: [], isWarming: true })
    const timer = setTimeout(() => void thread.end(this.#late()), warmMost)
    for (const question of questions) await thread.ask(question)
    clearTimeout(timer)
    this.#free(thread)
  }

  #free(thread: PolicyThread): void {
    this.#busy.delete(thread)
    if (!thread.isOver) this.#idle.push(thread)
    this.#next()
  }

  #next(): void {
    for (let job = this.#waiting[0]; job !== undefined; job = this.#waiting[0]) {
      const thread = this.#idle.pop() ?? this.#withRoom()
      if (thread === undefined) return
      this.#waiting.shift()
      void this.#run(thread, job)
    }
  }

  #withRoom(): PolicyThread | undefined {
    for (const [thread, { jobs, isWarming }] of this.#busy) if (!isWarming && jobs.length < askedMost) return thread
    return undefined
  }

  async #run(thread: PolicyThread, job: Job): Promise<void> {
    const line = this.#busy.get(thread) ?? { jobs: [], isWarming: false }
    this.#busy.set(thread, line)
    if (line.jobs.push(job) === 1) this.#watch(thread, line)
    const answer = await thread.ask(job)
    if (answer === undefined) return this.#again(job)
    clearTimeout(line.timer)
    line.jobs.shift()
    job.settle(answer)
    if (thread.isOver || line.jobs.length === 0) return this.#free(thread)
    this.#watch(thread, line)
    this.#next()
  }

  /** From here on the deadline of the first counts. An answer that waits behind a delay of our own thread is heard first. */
  #watch(thread: PolicyThread, line: Line): void {
    const [job] = line.jobs
    const overdue = (): void => {
      if (line.jobs[0] === job) void thread.end(this.#late())
    }
    line.timer = setTimeout(() => setImmediate(overdue), this.#settings.deadline)
  }

  /** Its thread ended over the question before it. */
  #again(job: Job): void {
    if (this.#stage === 'closed') return job.settle(failed(replaced()))
    this.#waiting.unshift(job)
    this.#next()
  }

  #late(): GatewayError {
    return new GatewayError('POLICY_TIMEOUT', `the policy took longer than ${this.#settings.deadline} ms`)
  }

  async #startThread(): Promise<void> {
    this.#starting++
    try {
      const thread = await this.#threads.take()
      await this.#load(thread)
      if (this.#stage === 'closed') return this.#threads.giveBack(thread)
      thread.lost = () => this.#lost(thread)
      this.#idle.push(thread)
    } finally {
      this.#starting--
    }
    this.#next()
  }

  async #load(thread: PolicyThread): Promise<void> {
    try {
      this.#entrypoints = await thread.load(this.#bundle, this.#settings.memoryPages)
    } catch (thrown) {
      this.#threads.giveBack(thread)
      throw thrown
    }
  }

  #lost(thread: PolicyThread): void {
    if (this.#stage === 'closed') return
    const at = this.#idle.indexOf(thread)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#busy.delete(thread)
    this.#restarts++
    this.#refill()
  }

  #refill(): void {
    const missing = this.#settings.workers - this.#idle.length - this.#busy.size - this.#starting
    for (let count = 0; count < missing && this.#stage !== 'closed'; count++)
      this.#startThread().catch(() => setTimeout(() => this.#refill(), againAfter).unref())
  }

  /** Takes no more questions, answers those that it has, and ends. */
  async drain(): Promise<void> {
    if (this.#stage === 'open') this.#stage = 'draining'
    const isAtWork = (): boolean => this.#busy.size > 0 || this.#waiting.length > 0
    const end = performance.now() + drainMost
    while (isAtWork() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stage = 'closed'
    for (const job of this.#waiting.splice(0)) job.settle(failed(replaced()))
    for (const thread of this.#idle.splice(0)) this.#threads.giveBack(thread)
    await Promise.all([...this.#busy.keys()].map((thread) => thread.end(replaced())))
  }
}

const replaced = (): GatewayError => new GatewayError('POLICY_BUSY', 'the policy is being replaced')
