import { Worker } from 'node:worker_threads'
import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Bundle } from './bundle.ts'
import type { Answer, Greeting, Question, WorkerSettings } from './worker.ts'

export interface PoolSettings {
  /** How many evaluations run at once; one worker more stands by. */
  readonly workers: number
  readonly deadline: Milliseconds
  /** Of a module's memory: 64 KiB each. */
  readonly memoryPages: number
}

type Job = Question & { readonly settle: (answer: Answer) => void }

/** Evaluations that may wait; beyond it the next is denied (POLICY_BUSY). */
const waitingMost = 1_024
/** JavaScript memory of a worker, in MiB: what its built-ins may use. */
const heapMost = 64
/** Milliseconds in which a pool that takes no more questions must have answered those that it has. */
const drainMost = 60_000
const fileOfWorker = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/**
 * Evaluates one bundle in worker threads. An evaluation cannot be interrupted from outside its thread, so one that passes
 * the deadline loses it: the worker is ended, and the one that stood by takes over at once. Who waits behind it waits for
 * the deadline, and not for a new thread.
 */
export class PolicyPool implements AsyncDisposable {
  readonly #bundle: Bundle
  readonly #settings: PoolSettings
  readonly #idle: Worker[] = []
  readonly #busy = new Map<Worker, { readonly job: Job; readonly timer: NodeJS.Timeout }>()
  readonly #waiting: Job[] = []
  #entrypoints: readonly string[] = []
  #starting = 0
  #restarts = 0
  /** Open: it takes questions. Draining: it answers those that it has. */
  #stage: 'open' | 'draining' | 'closed' = 'open'

  private constructor(bundle: Bundle, settings: PoolSettings) {
    this.#bundle = bundle
    this.#settings = settings
  }

  /** Ready when its workers are; throws POLICY_BUNDLE or POLICY_BUILTIN_UNSERVED for a module that cannot run. */
  static async start(bundle: Bundle, settings: PoolSettings): Promise<PolicyPool> {
    const pool = new PolicyPool(bundle, settings)
    const starting = Array.from({ length: settings.workers + 1 }, () => pool.#startWorker())
    const started = await Promise.allSettled(starting)
    for (const one of started) if (one.status === 'fulfilled') pool.#idle.push(one.value)
    const broken = started.find((one) => one.status === 'rejected')
    if (broken === undefined) return pool
    await pool[Symbol.asyncDispose]()
    throw broken.reason
  }

  /** What the module can be asked. */
  get entrypoints(): readonly string[] {
    return this.#entrypoints
  }

  /** Workers that had to be replaced. */
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

  #next(): void {
    while (this.#busy.size < this.#settings.workers && this.#waiting.length > 0) {
      const worker = this.#idle.pop()
      const job = worker === undefined ? undefined : this.#waiting.shift()
      if (worker === undefined || job === undefined) return
      // An answer that waits behind a delay of our own thread is heard first.
      const timer = setTimeout(() => setImmediate(() => this.#overdue(worker, job)), this.#settings.deadline)
      this.#busy.set(worker, { job, timer })
      const { entrypoint, input, nowNs } = job
      worker.postMessage({ entrypoint, input, nowNs } satisfies Question)
    }
  }

  #overdue(worker: Worker, job: Job): void {
    if (this.#busy.get(worker)?.job !== job) return
    const late = new GatewayError('POLICY_TIMEOUT', `the policy took longer than ${this.#settings.deadline} ms`)
    this.#settle(worker, failed(late))
    this.#replace(worker)
  }

  #settle(worker: Worker, answer: Answer): void {
    const running = this.#busy.get(worker)
    if (running === undefined) return
    clearTimeout(running.timer)
    this.#busy.delete(worker)
    running.job.settle(answer)
  }

  #replace(worker: Worker): void {
    this.#restarts++
    void worker.terminate()
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#next()
    this.#refill()
  }

  /** Starts workers until there are as many as there should be, one more than are at work at once. */
  #refill(): void {
    const missing = this.#settings.workers + 1 - this.#idle.length - this.#busy.size - this.#starting
    for (let count = 0; count < missing && this.#stage !== 'closed'; count++) {
      this.#starting++
      this.#startWorker()
        .then((worker) => (this.#stage === 'closed' ? void worker.terminate() : this.#idle.push(worker)))
        .catch(() => setTimeout(() => this.#refill(), 1_000).unref()) // no memory just now, perhaps
        .finally(() => {
          this.#starting--
          this.#next()
        })
    }
  }

  async #startWorker(): Promise<Worker> {
    const { module, data } = this.#bundle
    const worker = new Worker(fileOfWorker, {
      workerData: { module, data, memoryPages: this.#settings.memoryPages } satisfies WorkerSettings,
      resourceLimits: { maxOldGenerationSizeMb: heapMost, maxYoungGenerationSizeMb: 16 },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    const started = Promise.withResolvers<void>()
    let greeted = false
    worker.on('message', (said: Greeting | Answer) => {
      if (greeted) return this.#answered(worker, said as Answer)
      greeted = true
      const greeting = said as Greeting
      if ('error' in greeting) return started.reject(new GatewayError(greeting.error.code, greeting.error.message))
      this.#entrypoints = greeting.entrypoints
      started.resolve()
    })
    worker.on('error', (cause: Error & { code?: string }) => {
      const code = cause.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'POLICY_MEMORY' : 'POLICY_FAILED'
      const broken = new GatewayError(code, 'the worker broke', { cause })
      started.reject(broken)
      if (greeted) this.#broke(worker, broken)
    })
    worker.on('exit', () => started.reject(new GatewayError('POLICY_BUNDLE', 'the worker ended at once')))
    await started.promise
    worker.unref()
    return worker
  }

  #answered(worker: Worker, answer: Answer): void {
    if (!this.#busy.has(worker)) return // too late, and given up
    this.#settle(worker, answer)
    this.#idle.push(worker)
    this.#next()
  }

  #broke(worker: Worker, why: GatewayError): void {
    if (!this.#busy.has(worker) && !this.#idle.includes(worker)) return
    this.#settle(worker, failed(why))
    this.#replace(worker)
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
    const stopped = new GatewayError('POLICY_BUSY', 'the policy is being replaced')
    for (const job of this.#waiting.splice(0)) job.settle(failed(stopped))
    const workers = [...this.#idle, ...this.#busy.keys()]
    for (const worker of this.#busy.keys()) this.#settle(worker, failed(stopped))
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

const failed = (error: GatewayError): Answer => ({
  error: { code: error.code, message: error.message },
  builtins: {},
  nanoseconds: 0,
})
