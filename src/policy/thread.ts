import { AsyncLocalStorage } from 'node:async_hooks'
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../model/errors.ts'
import type { Bundle } from './bundle.ts'
import type { Answer, Greeting, Load, Order, Question } from './worker.ts'

/** JavaScript memory of a thread, in MiB: what its built-ins may use. */
const heapMost = 64
/** Milliseconds that a bundle may take until it can be asked. */
const loadMost = 10_000
/** It serves all, whoever was the first to need it: a fault in what comes of its messages is no connection's. */
const forAll = AsyncLocalStorage.snapshot()
const fileOfWorker = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/**
 * A thread that evaluates: started, then loaded with one bundle after the other, asked one question after the other. An evaluation
 * cannot be interrupted from outside its thread, so a question that takes too long ends it; so does what breaks it.
 */
export class PolicyThread {
  readonly #worker: Worker
  /** What it has not said yet, in the order in which it was asked: it is at work on the first. */
  readonly #awaited: PromiseWithResolvers<Greeting | Answer | undefined>[] = []
  #over: GatewayError | undefined
  /** Called when it ends by itself or is ended; whoever has the thread puts theirs here. */
  lost: () => void = () => {}

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (said: Greeting | Answer) => this.#awaited.shift()?.resolve(said))
    worker.on('error', (cause: Error & { code?: string }) => {
      const code = cause.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'POLICY_MEMORY' : 'POLICY_FAILED'
      void this.end(new GatewayError(code, 'the worker broke', { cause }))
    })
    worker.on('exit', () => void this.end(new GatewayError('POLICY_FAILED', 'the worker ended')))
  }

  /** Ready when its code is there, and a bundle can be loaded in a moment. Throws POLICY_FAILED, POLICY_MEMORY. */
  static async start(): Promise<PolicyThread> {
    const worker = forAll(
      () =>
        new Worker(fileOfWorker, {
          resourceLimits: { maxOldGenerationSizeMb: heapMost, maxYoungGenerationSizeMb: 16 },
          execArgv: ['--disable-warning=ExperimentalWarning'],
        }),
    )
    const thread = new PolicyThread(worker)
    await thread.#next()
    worker.unref()
    return thread
  }

  get isOver(): boolean {
    return this.#over !== undefined
  }

  /** From now on it answers by this bundle; answers its entrypoints. Throws POLICY_BUNDLE or POLICY_BUILTIN_UNSERVED. */
  async load({ module, data }: Bundle, memoryPages: number): Promise<readonly string[]> {
    const late = new GatewayError('POLICY_BUNDLE', `it takes longer than ${loadMost} ms to be loaded`)
    const timer = setTimeout(() => void this.end(late), loadMost)
    try {
      const greeting = (await this.#send({ load: { module, data, memoryPages } satisfies Load })) as Greeting
      if ('error' in greeting) throw new GatewayError(greeting.error.code, greeting.error.message)
      return greeting.entrypoints
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Never rejects: what goes wrong is an answer too. Undefined: the thread ended over an earlier question, and did not come to
   * this one.
   */
  async ask({ entrypoint, input, nowNs }: Question): Promise<Answer | undefined> {
    try {
      return (await this.#send({ entrypoint, input, nowNs })) as Answer | undefined
    } catch (thrown) {
      return failed(thrown as GatewayError)
    }
  }

  #send(order: Order): Promise<Greeting | Answer | undefined> {
    const said = this.#next()
    this.#worker.postMessage(order)
    return said
  }

  /** What it says next; rejects with the reason when it is over before. */
  async #next(): Promise<Greeting | Answer | undefined> {
    if (this.#over !== undefined) throw this.#over
    const next = Promise.withResolvers<Greeting | Answer | undefined>()
    this.#awaited.push(next)
    return next.promise
  }

  /** Ends it where it stands. */
  async end(why: GatewayError): Promise<void> {
    if (this.#over === undefined) {
      this.#over = why
      this.#awaited.shift()?.reject(why)
      for (const unheard of this.#awaited.splice(0)) unheard.resolve(undefined)
      this.lost()
    }
    await this.#worker.terminate()
  }
}

export const failed = ({ code, message }: GatewayError): Answer => ({
  error: { code, message },
  builtins: {},
  nanoseconds: 0,
})
