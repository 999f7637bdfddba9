import { AsyncLocalStorage } from 'node:async_hooks'
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Answer, Greeting, Job, Order, Report, Result, SqliteSettings, Statement } from './jobs.ts'
import { monotonicNow } from './jobs.ts'

interface Pending {
  readonly resolve: (results: readonly Result[]) => void
  readonly reject: (error: GatewayError) => void
  readonly timer: NodeJS.Timeout
}

/** Jobs that the worker has not answered yet, those included that nobody waits for any more. */
const pendingMost = 10_000
/** For the last commit and the checkpoint that closing makes. */
const closingMost = 10_000
/** It serves all, whoever was the first to need it: a fault in what comes of its messages is no connection's. */
const forAll = AsyncLocalStorage.snapshot()
const fileOfWorker = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js',
  import.meta.url,
)

/**
 * The worker that owns the file, seen from outside: open → closed, no way back. Whatever goes wrong is STORE_UNAVAILABLE,
 * and no job waits longer than the deadline. A write that is given up may still come to be in the file.
 */
export class SqliteThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #deadline: Milliseconds
  readonly #pending = new Map<number, Pending>()
  /** What goes to the worker at the end of this turn: waking it for each job would cost more than most jobs. */
  #turn: Job[] = []
  readonly #ended: Promise<unknown>
  #last = 0
  #commits = 0
  /** Why no more jobs are taken. */
  #refusal: string | undefined
  #cause: unknown

  private constructor(worker: Worker, deadline: Milliseconds) {
    this.#worker = worker
    this.#deadline = deadline
    worker.on('message', (report: Report) => this.#settle(report))
    worker.on('messageerror', (cause) => {
      this.#fail('the store said something that does not read', cause)
      this.kill()
    })
    worker.on('error', (cause) => this.#fail('the store broke', cause))
    this.#ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.once('exit', () => this.#fail('the store has ended'))
  }

  /** Ready when the file is open; throws STORE_UNAVAILABLE for one that cannot be used. */
  static async start(settings: SqliteSettings, deadline: Milliseconds): Promise<SqliteThread> {
    const worker = forAll(
      () =>
        new Worker(fileOfWorker, {
          name: 'store',
          workerData: settings,
          execArgv: ['--disable-warning=ExperimentalWarning'],
        }),
    )
    const said = await greeting(worker)
    if ('opened' in said) return new SqliteThread(worker, deadline)
    await worker.terminate()
    throw new GatewayError('STORE_UNAVAILABLE', `${settings.path}: ${said.refused}`)
  }

  /** Commits since the file was opened, as of the last answer. */
  get commits(): number {
    return this.#commits
  }

  run(kind: Job['kind'], statements: readonly Statement[]): Promise<readonly Result[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>()
    if (this.#refusal !== undefined) reject(unavailable(this.#refusal, this.#cause))
    else if (this.#pending.size >= pendingMost) reject(unavailable('too much is waiting for the store'))
    else this.#queue({ id: ++this.#last, kind, statements, deadline: monotonicNow() + this.#deadline }, resolve, reject)
    return promise
  }

  #queue(job: Job, resolve: Pending['resolve'], reject: Pending['reject']): void {
    const late = (): void => reject(unavailable(`the store took longer than ${this.#deadline} ms`))
    this.#pending.set(job.id, { resolve, reject, timer: setTimeout(late, this.#deadline) })
    if (this.#turn.push(job) === 1) forAll(() => setImmediate(() => this.#post()))
  }

  #post(): void {
    const jobs = this.#turn
    this.#turn = []
    if (jobs.length > 0) this.#send(jobs)
  }

  #send(jobs: readonly Job[]): void {
    try {
      this.#worker.postMessage(jobs satisfies Order)
    } catch (cause) {
      // One of them cannot be sent; the others go by themselves.
      if (jobs.length > 1) for (const job of jobs) this.#send([job])
      else for (const { id } of jobs) this.#refuse(id, cause)
    }
  }

  #refuse(id: number, cause: unknown): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    clearTimeout(pending?.timer)
    pending?.reject(unavailable('the store cannot be asked that', cause))
  }

  #settle({ answers, commits }: Report): void {
    this.#commits = commits
    for (const answer of answers) {
      const pending = this.#pending.get(answer.id)
      if (pending === undefined) continue
      this.#pending.delete(answer.id)
      clearTimeout(pending.timer)
      settle(pending, answer)
    }
  }

  #fail(why: string, cause?: unknown): void {
    this.#refusal ??= why
    this.#cause ??= cause
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(unavailable(why, cause))
    }
    this.#pending.clear()
  }

  /** Ends the thread where it stands; what was not answered fails. */
  kill(): void {
    void this.#worker.terminate()
  }

  /** Takes no more, and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#refusal === undefined) {
      this.#refusal = 'the store is closed'
      this.#post()
      this.#worker.postMessage('close' satisfies Order)
    }
    const overdue = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.kill()
      overdue.resolve()
    }, closingMost)
    await Promise.race([this.#ended, overdue.promise])
    clearTimeout(timer)
  }
}

/** Without a deadline: checking a big file takes its time, and the gateway serves nobody before it is done. */
function greeting(worker: Worker): Promise<Greeting> {
  const { promise, resolve } = Promise.withResolvers<Greeting>()
  worker.once('message', resolve)
  worker.once('error', (thrown) => resolve({ refused: (thrown as Error).message }))
  worker.once('exit', () => resolve({ refused: 'the worker ended at once' }))
  return promise
}

function settle({ resolve, reject }: Pending, answer: Answer): void {
  if ('results' in answer) resolve(answer.results)
  else reject(unavailable(`the store refused: ${answer.error}`))
}

const unavailable = (why: string, cause?: unknown): GatewayError =>
  new GatewayError('STORE_UNAVAILABLE', why, cause === undefined ? {} : { cause })
