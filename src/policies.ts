import type { Config } from './config.ts'
import { asGatewayError, GatewayError } from './model/errors.ts'
import { type Bundle, readBundle } from './policy/bundle.ts'
import type { Active } from './policy/engine.ts'
import { PolicyPool, type PoolSettings } from './policy/pool.ts'

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
  /** Workers that had to be replaced. */
  readonly restarts: number
}

/** Never rejects: without a usable bundle the gateway runs, is not ready, and lets nobody in. */
export async function loadPolicies(config: Config['policy']): Promise<Policies> {
  const started: PolicyPool[] = []
  const dispose = async (): Promise<void> =>
    void (await Promise.all(started.map((pool) => pool[Symbol.asyncDispose]())))
  try {
    const bundle = await readBundle(config.bundle)
    const start = async (workers: number): Promise<Active> => {
      const pool = await startPolicy(bundle, { ...config, workers }, config.bundle)
      started.push(pool)
      return { revision: bundle.revision, pool }
    }
    const admissions = await start(config.workers)
    const api = await start(1)
    let dryRuns: Promise<Active> | undefined
    return {
      admissions,
      api,
      dryRuns: () => (dryRuns ??= start(1).catch((thrown) => ({ fault: unusable(thrown) }))),
      entrypoints: started[0]?.entrypoints ?? [],
      loadedAt: Date.now(),
      get restarts() {
        return started.reduce((sum, pool) => sum + pool.restarts, 0)
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (thrown) {
    await dispose()
    const none = { fault: unusable(thrown) }
    return {
      admissions: none,
      api: none,
      dryRuns: async () => none,
      entrypoints: [],
      loadedAt: Date.now(),
      restarts: 0,
      [Symbol.asyncDispose]: async () => {},
    }
  }
}

/** Throws POLICY_BUNDLE for one that has no decision to give. */
export async function startPolicy(bundle: Bundle, settings: PoolSettings, path: string): Promise<PolicyPool> {
  const pool = await PolicyPool.start(bundle, settings)
  if (pool.entrypoints.includes('ssh/decision')) return pool
  await pool[Symbol.asyncDispose]()
  throw new GatewayError('POLICY_BUNDLE', `${path} has no entrypoint ssh/decision`)
}

const unusable = (thrown: unknown): GatewayError =>
  asGatewayError(thrown, 'POLICY_BUNDLE', 'the bundle could not be loaded')
