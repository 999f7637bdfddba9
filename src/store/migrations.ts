import { CompiledQuery } from 'kysely'
import { GatewayError } from '../model/errors.ts'
import type { Sqlite } from './sqlite.ts'

/**
 * What makes each version out of the one before it; the first makes version 1 out of an empty file. Never change one that
 * was released: add one. STRICT tables hold no value of another type (sqlite.org/stricttables.html). Every index ends in
 * `sequence` without naming it, since that is the rowid: newest first needs no sorting.
 */
const migrations: readonly (readonly string[])[] = [
  [
    `create table decisions (
      sequence integer primary key autoincrement,
      decision_id text not null unique,
      timestamp text not null,
      outcome text,
      code text,
      username text,
      route text,
      session_id text,
      kind text not null,
      event blob not null
    ) strict`,
    'create index decisions_kind on decisions (kind)',
    'create index decisions_username on decisions (kind, username)',
    'create index decisions_route on decisions (kind, route)',
    'create index decisions_outcome on decisions (kind, outcome)',
    'create index decisions_code on decisions (kind, code)',
    'create index decisions_timestamp on decisions (kind, timestamp)',
    `create table logins (
      id text primary key not null,
      key_fingerprint text not null,
      prefix text not null,
      issuer text not null,
      subject text not null,
      username text not null,
      identity text not null,
      created_at integer not null,
      expires_at integer not null,
      unique (key_fingerprint, prefix)
    ) strict`,
    'create index logins_expires_at on logins (expires_at)',
  ],
  [
    `create table sessions (
      sequence integer primary key autoincrement,
      id text not null unique,
      gateway text not null,
      session text not null,
      ended_at integer,
      "end" text
    ) strict`,
    'create index sessions_ended_at on sessions (ended_at)',
    `create table session_events (
      session_id text not null,
      number integer not null,
      event text not null,
      primary key (session_id, number)
    ) strict, without rowid`,
    'create index logins_created_at on logins (created_at, id)',
  ],
  [
    `create table usernames (
      username text primary key not null,
      issuer text not null,
      subject text not null,
      bound_at integer not null
    ) strict`,
    // Of several persons with one name (which nothing kept apart before) the first has it: min() chooses the row.
    `insert into usernames (username, issuer, subject, bound_at)
      select lower(username), issuer, subject, min(created_at) from logins group by lower(username)`,
  ],
  ['alter table sessions add column run text', 'alter table sessions add column worker integer'],
]
export const currentVersion = migrations.length

/**
 * Brings the file to the current version, one atomic job each. Several gateways may do so at once: the row in
 * `schema_versions` can be written once, and the job of the one who comes second fails whole.
 */
export async function migrate(sqlite: Sqlite, path: string): Promise<void> {
  for (;;) {
    const version = await versionOf(sqlite, path)
    const statements = migrations[version]
    if (statements === undefined) return refuseNewer(version, path)
    try {
      await sqlite.atomic(
        [
          'create table if not exists schema_versions (version integer primary key not null) strict',
          `insert into schema_versions (version) values (${version + 1})`,
          ...statements,
        ].map((sql) => CompiledQuery.raw(sql)),
      )
    } catch (cause) {
      if ((await versionOf(sqlite, path)) > version) continue
      const why = `${path}: version ${version + 1} of its tables cannot be made: ${(cause as Error).message}`
      throw new GatewayError('STORE_UNAVAILABLE', why, { cause })
    }
  }
}

function refuseNewer(version: number, path: string): void {
  if (version === currentVersion) return
  throw new GatewayError(
    'STORE_UNAVAILABLE',
    `${path}: was made by a newer Regate (version ${version} of its tables; this one knows ${currentVersion})`,
  )
}

/** 0 for a file with nothing in it; one with tables of somebody else's is refused. */
async function versionOf({ database }: Sqlite, path: string): Promise<number> {
  const found = await database.selectFrom('sqlite_schema').select('name').where('type', '=', 'table').execute()
  if (found.length === 0) return 0
  if (!found.some(({ name }) => name === 'schema_versions'))
    throw new GatewayError('STORE_UNAVAILABLE', `${path}: is a database of another program`)
  const newest = await database
    .selectFrom('schema_versions')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  return newest?.version ?? 0
}
