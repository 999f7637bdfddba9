import { isAbsolute } from 'node:path'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { createDecisionStore, type DecisionStore } from './decisions.ts'
import { Journal, type Lost } from './journal.ts'
import { createLoginStore, type LoginStore } from './logins.ts'
import { migrate } from './migrations.ts'
import { type Carrier, createSessionStore, type SessionStore } from './sessions.ts'
import { openSqlite, usualLimits } from './sqlite.ts'
import { createUsernameStore, type UsernameStore } from './usernames.ts'

/** What the gateway keeps. Closing waits for what is under way. */
export interface Store extends AsyncDisposable {
  readonly decisions: DecisionStore
  readonly logins: LoginStore
  readonly usernames: UsernameStore
  readonly sessions: SessionStore
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
 * used: damaged, of a newer version, of another program, writable by others.
 */
export async function openStore(url: string, limits = usualLimits, writer = nobody): Promise<Store> {
  const path = sqlitePath(url)
  await using undo = new AsyncDisposableStack()
  const sqlite = undo.use(await openSqlite(path, limits))
  await migrate(sqlite, path)
  const { database } = sqlite
  // What the HTTP API looks for has a thread and a connection of its own: however long it takes, decisions are written.
  const { database: reading } = undo.use(await openSqlite(path, limits))
  const journal = undo.use(new Journal(sqlite, writer.lost))
  const opened = undo.move()
  return {
    decisions: createDecisionStore(database, reading),
    logins: createLoginStore(database, sqlite.atomic, reading),
    usernames: createUsernameStore(database),
    sessions: createSessionStore(database, journal, writer, reading),
    async ping() {
      await database.selectFrom('schema_versions').select('version').limit(1).execute()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Relative paths, `:memory:` and `file:` URIs are none: where the store lies must not depend on where one stands. */
function sqlitePath(url: string): string {
  if (/^postgres(ql)?:/.test(url))
    throw new GatewayError('CONFIG_INVALID', 'store: PostgreSQL comes later; name a file, sqlite:/path/to/regate.db')
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (isAbsolute(path) && !path.includes('\0')) return path
  throw new GatewayError('CONFIG_INVALID', `store: not sqlite: and an absolute path: ${printable(url, 200)}`)
}
