import { createDecisionStore, type DecisionStore } from './decisions.ts'
import { Journal, type Lost } from './journal.ts'
import { createLoginStore, type LoginStore } from './logins.ts'
import { migrate } from './migrations.ts'
import { type Carrier, createSessionStore, type SessionStore } from './sessions.ts'
import { sqliteOver } from './sqlite.ts'
import { StoreThreads, sqlitePath } from './threads.ts'
import { createUsernameStore, type UsernameStore } from './usernames.ts'

/** What the gateway keeps. Closing waits for what is under way. */
export interface Store extends AsyncDisposable {
  readonly decisions: DecisionStore
  readonly logins: LoginStore
  readonly usernames: UsernameStore
  readonly sessions: SessionStore
  /** Since it was opened, each with one fsync: far fewer than what was written when much comes together. */
  readonly commits: number
  /** Rejects with STORE_UNAVAILABLE when the store does not answer. */
  ping(): Promise<void>
}

/** Who writes sessions down, and who is told when they cannot be. */
export interface Writer extends Carrier {
  readonly lost: Lost
}
const nobody: Writer = { gateway: '', run: '', worker: 0, lost: () => {} }

/**
 * `sqlite:` and an absolute path. Throws CONFIG_INVALID for any other url, STORE_UNAVAILABLE for a file that cannot be
 * used: damaged, of a newer version, of another program, writable by others. `threads` are of the same url, and are closed with it.
 */
export async function openStore(url: string, threads = new StoreThreads(url), writer = nobody): Promise<Store> {
  await using undo = new AsyncDisposableStack()
  undo.use(threads)
  const sqlite = sqliteOver(await threads.writing)
  await migrate(sqlite, sqlitePath(url))
  const { database } = sqlite
  const { database: reading } = sqliteOver(await threads.reading)
  const journal = undo.use(new Journal(sqlite, writer.lost))
  const opened = undo.move()
  return {
    decisions: createDecisionStore(database, reading),
    logins: createLoginStore(database, sqlite.atomic, reading),
    usernames: createUsernameStore(database),
    sessions: createSessionStore(database, journal, writer, reading),
    get commits() {
      return sqlite.commits
    },
    async ping() {
      await database.selectFrom('schema_versions').select('version').limit(1).execute()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
