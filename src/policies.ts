import type { Config } from './config.ts'
import { asGatewayError, GatewayError } from './model/errors.ts'
import { type Bundle, readBundle } from './policy/bundle.ts'
import { canaryFault } from './policy/canary.ts'
import { type Active, questionOf } from './policy/engine.ts'
import { PolicyPool, type PoolSettings } from './policy/pool.ts'
import { Threads } from './policy/threads.ts'
import { standing } from './threads-ahead.ts'

/** The policy in force, a pool for each kind of question: none of the others can keep an admission waiting. */
export interface Policies extends AsyncDisposable {
  readonly admissions: Active
  /** Who may call the HTTP API. */
  readonly api: Active
  /** What would be decided; its workers are started for the first who asks. */
  dryRuns(): Promise<Active>
  /** What the bundle can be asked; empty when none is in force. */
  readonly entrypoints: readonly string[]
  /** Milliseconds since 1970. */
  readonly loadedAt: number
  /** Why the bundle that was looked at last is not the one in force. */
  readonly lastFault: GatewayError | undefined
  /** Workers that had to be replaced. */
  readonly restarts: number
  /**
   * Reads the bundle anew and puts it in force, whole and at once; what is being evaluated is ended by the old one. Throws
   * for one that cannot be used, or that fails on a canary input which the one in force can answer: then that one stays.
   */
  reload(config: Config['policy'], canaries: readonly object[]): Promise<void>
}

/** Never rejects: without a usable bundle the gateway runs, is not ready, and lets nobody in. */
export async function loadPolicies(
  config: Config['policy'],
  canaries: readonly object[] = [],
  threads = new Threads(standing),
): Promise<Policies> {
  return new LoadedPolicies(await loadFirst(config, threads, canaries), threads)
}

async function loadFirst(config: Config['policy'], threads: Threads, canaries: readonly object[]): Promise<Loaded> {
  try {
    return await load(config, threads, canaries)
  } catch (thrown) {
    return nothing(asGatewayError(thrown, 'POLICY_BUNDLE', 'the bundle could not be loaded'))
  }
}

/** One bundle and its workers. */
interface Loaded {
  readonly admissions: Active
  readonly api: Active
  readonly entrypoints: readonly string[]
  readonly loadedAt: number
  dryRuns(): Promise<Active>
  restarts(): number
  close(): Promise<void>
}

async function load(config: Config['policy'], threads: Threads, canaries: readonly object[]): Promise<Loaded> {
  const started: PolicyPool[] = []
  let dryRuns: Promise<Active> | undefined
  const close = async (): Promise<void> => {
    await dryRuns // its workers may just be starting
    await Promise.all(started.map((pool) => pool.drain()))
  }
  const bundle = await readBundle(config.bundle)
  const start = async (workers: number): Promise<Active> => {
    const pool = await startPolicy(bundle, { ...config, workers }, config.bundle, threads)
    started.push(pool)
    await pool.warm(canaries.map((input) => questionOf('ssh/decision', input)))
    return { revision: bundle.revision, pool }
  }
  try {
    const [admissions, api] = await both(start(config.workers), start(1))
    return {
      admissions,
      api,
      entrypoints: started[0]?.entrypoints ?? [],
      loadedAt: Date.now(),
      dryRuns: () => (dryRuns ??= start(1).catch((thrown) => ({ fault: unusable(thrown) }))),
      restarts: () => started.reduce((sum, pool) => sum + pool.restarts, 0),
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

/** Both, or the fault of either, once neither is under way any more. */
async function both<T>(one: Promise<T>, other: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([one, other])
  return [await one, await other]
}

const nothing = (fault: GatewayError): Loaded => ({
  admissions: { fault },
  api: { fault },
  entrypoints: [],
  loadedAt: Date.now(),
  dryRuns: async () => ({ fault }),
  restarts: () => 0,
  close: async () => {},
})

class LoadedPolicies implements Policies {
  readonly #threads: Threads
  #now: Loaded
  #lastFault: GatewayError | undefined
  /** Of bundles that are no more in force. */
  #pastRestarts = 0
  /** Old bundles that still have something to answer. */
  readonly #leaving = new Set<Promise<void>>()

  constructor(first: Loaded, threads: Threads) {
    this.#now = first
    this.#threads = threads
    this.#lastFault = 'fault' in first.admissions ? first.admissions.fault : undefined
  }

  get admissions(): Active {
    return this.#now.admissions
  }
  get api(): Active {
    return this.#now.api
  }
  get entrypoints(): readonly string[] {
    return this.#now.entrypoints
  }
  get loadedAt(): number {
    return this.#now.loadedAt
  }
  get lastFault(): GatewayError | undefined {
    return this.#lastFault
  }
  get restarts(): number {
    return this.#pastRestarts + this.#now.restarts()
  }

  dryRuns(): Promise<Active> {
    return this.#now.dryRuns()
  }

  async reload(config: Config['policy'], canaries: readonly object[]): Promise<void> {
    try {
      const next = await load(config, this.#threads, canaries)
      const fault = await canaryFault(this.#now.admissions, next.admissions, canaries)
      if (fault !== undefined) {
        await next.close()
        throw fault
      }
      const last = this.#now
      this.#now = next
      this.#pastRestarts += last.restarts()
      this.#lastFault = undefined
      this.#leave(last)
    } catch (thrown) {
      this.#lastFault = unusable(thrown)
      throw this.#lastFault
    }
  }

  #leave(last: Loaded): void {
    const left = last.close().finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#now.close(), ...this.#leaving])
    await this.#threads[Symbol.asyncDispose]()
  }
}

/** Throws POLICY_BUNDLE for one that has no decision to give. */
export async function startPolicy(
  bundle: Bundle,
  settings: PoolSettings,
  path: string,
  threads: Threads,
): Promise<PolicyPool> {
  const pool = await PolicyPool.start(bundle, settings, threads)
  if (pool.entrypoints.includes('ssh/decision')) return pool
  await pool[Symbol.asyncDispose]()
  throw new GatewayError('POLICY_BUNDLE', `${path} has no entrypoint ssh/decision`)
}

const unusable = (thrown: unknown): GatewayError =>
  asGatewayError(thrown, 'POLICY_BUNDLE', 'the bundle could not be loaded')
