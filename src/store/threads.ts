import { isAbsolute } from 'node:path'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import type { Milliseconds } from '../model/units.ts'
import { SqliteThread } from './sqlite-thread.ts'

/** How long things may take. */
export interface StoreLimits {
  /** Of one job, waiting included. */
  readonly deadline: Milliseconds
  /** How long another process may hold the file before a job fails. */
  readonly busyTimeout: Milliseconds
}
export const usualLimits: StoreLimits = { deadline: 5_000 as Milliseconds, busyTimeout: 2_000 as Milliseconds }

/** Ready when it has opened the file, which it makes when it is not there. Throws STORE_UNAVAILABLE. */
export const startThread = (path: string, { busyTimeout, deadline }: StoreLimits): Promise<SqliteThread> =>
  SqliteThread.start({ path, busyTimeout }, deadline)

/** The threads of one store, begun at once; what became of each is told to who awaits it. */
export class StoreThreads implements AsyncDisposable {
  readonly writing: Promise<SqliteThread>
  /**
   * What the HTTP API looks for has a thread and a connection of its own: however long it takes, decisions are written. It
   * reads nothing before the other one has brought the tables up to date.
   */
  readonly reading: Promise<SqliteThread>

  /** Throws CONFIG_INVALID as sqlitePath does. */
  constructor(url: string, limits = usualLimits) {
    const path = sqlitePath(url)
    this.writing = startThread(path, limits)
    this.reading = startThread(path, limits)
    for (const thread of this.#both) thread.catch(() => {})
  }

  get #both(): readonly Promise<SqliteThread>[] {
    return [this.reading, this.writing]
  }

  /** The one that writes last: it then leaves the file without a log beside it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const thread of this.#both) {
      const [started] = await Promise.allSettled([thread])
      if (started?.status === 'fulfilled') await started.value[Symbol.asyncDispose]()
    }
  }
}

/** Relative paths, `:memory:` and `file:` URIs are none: where the store lies must not depend on where one stands. */
export function sqlitePath(url: string): string {
  if (/^postgres(ql)?:/.test(url))
    throw new GatewayError('CONFIG_INVALID', 'store: PostgreSQL comes later; name a file, sqlite:/path/to/regate.db')
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (isAbsolute(path) && !path.includes('\0')) return path
  throw new GatewayError('CONFIG_INVALID', `store: not sqlite: and an absolute path: ${printable(url, 200)}`)
}
