import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { GatewayError } from '../model/errors.ts'
import type { Result, SqlValue, Statement } from './jobs.ts'
import type { Schema } from './schema.ts'
import type { SqliteThread } from './sqlite-thread.ts'
import { type StoreLimits, startThread, usualLimits } from './threads.ts'

/** A SQLite file. Every failure is STORE_UNAVAILABLE; what was written is on the disk when its promise resolves. */
export interface Sqlite extends AsyncDisposable {
  /** For queries of one statement each: `transaction()` is refused. */
  readonly database: Kysely<Schema>
  /** All of the statements take hold, or none; what other jobs do stands before or after them. What each one gave. */
  atomic(queries: readonly CompiledQuery[]): Promise<readonly Result[]>
  /** Commits since the file was opened, as of the last answer: far fewer than writes when these come together. */
  readonly commits: number
  /** Ends it where it stands; what was not answered fails. */
  kill(): void
}

/** `path` is absolute. The file is made when it is not there; the tables are not. */
export async function openSqlite(path: string, limits: StoreLimits = usualLimits): Promise<Sqlite> {
  return sqliteOver(await startThread(path, limits))
}

/** Takes the thread over. */
export function sqliteOver(thread: SqliteThread): Sqlite {
  const database = new Kysely<Schema>({ dialect: dialectOver(thread) })
  return {
    database,
    atomic: (queries) => thread.run('write', queries.map(toStatement)),
    get commits() {
      return thread.commits
    },
    kill: () => thread.kill(),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  }
}

/** Kysely would ask one after the other, and then there were no groups to commit. */
class ConcurrentSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

const dialectOver = (thread: SqliteThread): Dialect => ({
  createAdapter: () => new ConcurrentSqliteAdapter(),
  createDriver: () => driverOver(thread),
  createIntrospector: (database) => new SqliteIntrospector(database),
  createQueryCompiler: () => new SqliteQueryCompiler(),
})

function driverOver(thread: SqliteThread): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      // A select changes nothing in SQLite, whatever stands in its `with`. Of raw SQL nothing is known: a write.
      const kind = query.query.kind === 'SelectQueryNode' ? 'read' : 'write'
      const [result] = await thread.run(kind, [toStatement(query)])
      return toQueryResult<Row>(result ?? { rows: [] })
    },
    streamQuery: () => {
      throw new GatewayError('INTERNAL', 'the store answers in one piece: page with limit')
    },
  }
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: refuseTransaction,
    commitTransaction: refuseTransaction,
    rollbackTransaction: refuseTransaction,
    destroy: () => thread[Symbol.asyncDispose](),
  }
}

/** Between a begin and a commit that come one by one everybody else would wait, or be in it. */
async function refuseTransaction(): Promise<never> {
  throw new GatewayError('INTERNAL', 'the store has no transactions of several steps: use atomic()')
}

const toStatement = ({ sql, parameters }: CompiledQuery): Statement => ({ sql, parameters: parameters.map(toSqlValue) })

/** A small Buffer is a view of a pool, all of which would be copied to the worker. What SQLite does not take, it refuses. */
function toSqlValue(value: unknown): SqlValue {
  return value instanceof Uint8Array ? new Uint8Array(value) : (value as SqlValue)
}

function toQueryResult<Row>({ rows, changes, lastId }: Result): QueryResult<Row> {
  return {
    rows: rows as readonly unknown[] as Row[],
    ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
    ...(lastId === undefined ? {} : { insertId: BigInt(lastId) }),
  }
}
