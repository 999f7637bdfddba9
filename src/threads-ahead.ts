import type { Config } from './config.ts'
import { Threads } from './policy/threads.ts'
import './ssh/young-memory.ts' // which sets a flag of the whole process, and back
import { StoreThreads } from './store/threads.ts'

/** Policy threads for the next bundle: one to decide by it, one for the HTTP API. They also take the place of those that are lost. */
export const standing = 2

/** Threads at work while this one loads the rest of the program, most of which it would only load for itself. */
export interface ThreadsAhead extends AsyncDisposable {
  /** Opening the store's file. */
  readonly store: StoreThreads
  /** Loading their code: those that decide, and the one for the HTTP API. */
  readonly policy: Threads
}

/** Throws CONFIG_INVALID. Whoever gets parts of a gateway out of these closes them; closing them again does nothing. */
export function startThreads({ store, policy }: Config): ThreadsAhead {
  const threads = { store: new StoreThreads(store), policy: new Threads(standing, undefined, policy.workers + 1) }
  return {
    ...threads,
    async [Symbol.asyncDispose]() {
      await threads.policy[Symbol.asyncDispose]()
      await threads.store[Symbol.asyncDispose]()
    },
  }
}
