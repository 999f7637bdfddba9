import { type Kysely, type Selectable, sql } from 'kysely'
import { PolicyIdentity } from '../model/context.ts'
import { shapeFaults } from '../model/shape.ts'
import type { Fingerprint, UnixSeconds } from '../model/units.ts'
import type { Schema } from './schema.ts'
import type { Sqlite } from './sqlite.ts'

/** A person who has signed in, for as long as the same key comes from the same place. */
export interface StoredLogin {
  readonly id: string
  /** Of the key that was proven. */
  readonly keyFingerprint: Fingerprint
  /** The network that the login serves, or `*`. */
  readonly prefix: string
  readonly identity: PolicyIdentity
  readonly createdAt: UnixSeconds
  /** First second that counts no more. */
  readonly expiresAt: UnixSeconds
}

export interface LoginQuery {
  readonly limit: number
  /** Only those that were made before this one. */
  readonly before?: { readonly createdAt: number; readonly id: string }
}

export interface KeyHolder {
  readonly keyFingerprint: Fingerprint
  readonly username: string
}

export interface Saved {
  readonly id: string
  /** The names of other persons whose login had not ended when this one was made. */
  readonly replaced: readonly string[]
}

export interface LoginStore {
  /**
   * Takes the place of the one with the same key and prefix, and of all that another person has by the same key. The
   * person's own keeps its id: sessions that rest on it go on resting on it.
   */
  save(login: StoredLogin): Promise<Saved>
  /** Only while it has not ended, and only when its row reads as it must. */
  find(keyFingerprint: Fingerprint, prefix: string, now: UnixSeconds): Promise<StoredLogin | undefined>
  /** Those that have not ended, the latest first. */
  list(query: LoginQuery, now: UnixSeconds): Promise<readonly StoredLogin[]>
  /** Who has a login by one of these keys that has not ended. */
  holders(keys: readonly Fingerprint[], now: UnixSeconds): Promise<readonly KeyHolder[]>
  /** Whether there was one. */
  remove(id: string): Promise<boolean>
  /** Removes those that have ended; answers how many. */
  sweep(now: UnixSeconds): Promise<number>
}

const listMost = 1_000

/** Fewer than the parameters that SQLite takes in one statement (sqlite.org/limits.html). */
const keysAtOnce = 1_000

/** `reading`: another connection to the same file, for long lists. */
export function createLoginStore(database: Kysely<Schema>, atomic: Sqlite['atomic'], reading = database): LoginStore {
  return {
    async save(login) {
      const { key_fingerprint, prefix, id, ...rest } = toRow(login)
      const others = database
        .deleteFrom('logins')
        .where('key_fingerprint', '=', key_fingerprint)
        .where(({ or, eb }) => or([eb('issuer', '<>', rest.issuer), eb('subject', '<>', rest.subject)]))
        .returning(['username', 'expires_at'])
      const own = database
        .insertInto('logins')
        .values({ key_fingerprint, prefix, id, ...rest })
        .onConflict((conflict) => conflict.columns(['key_fingerprint', 'prefix']).doUpdateSet(rest))
        .returning('id')
      // In one job: of two persons who sign in at once with one key, the second replaces the first.
      const [replaced, saved] = await atomic([others.compile(), own.compile()])
      const live = (replaced?.rows ?? []).filter((row) => Number(row.expires_at) > rest.created_at)
      return {
        id: String(saved?.rows[0]?.id ?? id),
        replaced: [...new Set(live.map((row) => String(row.username)))],
      }
    },
    async holders(keys, now) {
      const chunks = Array.from({ length: Math.ceil(keys.length / keysAtOnce) }, (_, index) =>
        keys.slice(index * keysAtOnce, (index + 1) * keysAtOnce),
      )
      const found = chunks.map((chunk) =>
        database
          .selectFrom('logins')
          .select(['key_fingerprint as keyFingerprint', 'username'])
          .distinct()
          .where('key_fingerprint', 'in', chunk)
          .where('expires_at', '>', now)
          .execute(),
      )
      return (await Promise.all(found)).flat() as KeyHolder[]
    },
    async find(keyFingerprint, prefix, now) {
      const row = await database
        .selectFrom('logins')
        .selectAll()
        .where('key_fingerprint', '=', keyFingerprint)
        .where('prefix', '=', prefix)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row === undefined ? undefined : fromRow(row)
    },
    async list({ limit, before }, now) {
      const latest = reading
        .selectFrom('logins')
        .selectAll()
        .where('expires_at', '>', now)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(Math.min(Math.max(limit, 0), listMost))
      const page =
        before === undefined
          ? latest
          : latest.where(sql<boolean>`(created_at, id) < (${before.createdAt}, ${before.id})`)
      return (await page.execute()).flatMap((row) => fromRow(row) ?? [])
    },
    async remove(id) {
      const { numDeletedRows } = await database.deleteFrom('logins').where('id', '=', id).executeTakeFirst()
      return numDeletedRows > 0n
    },
    async sweep(now) {
      const { numDeletedRows } = await database.deleteFrom('logins').where('expires_at', '<=', now).executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}

type Row = Selectable<Schema['logins']>

const toRow = (login: StoredLogin): Row => ({
  id: login.id,
  key_fingerprint: login.keyFingerprint,
  prefix: login.prefix,
  issuer: login.identity.issuer,
  subject: login.identity.subject,
  username: login.identity.username,
  identity: JSON.stringify(login.identity),
  created_at: login.createdAt,
  expires_at: login.expiresAt,
})

/** An identity goes to the policy as it is read here: one of another shape is none, and the person signs in again. */
function fromRow(row: Row): StoredLogin | undefined {
  const identity = parseJson(row.identity)
  if (!isIdentity(identity)) return undefined
  return {
    id: row.id,
    keyFingerprint: row.key_fingerprint as Fingerprint,
    prefix: row.prefix,
    identity,
    createdAt: row.created_at as UnixSeconds,
    expiresAt: row.expires_at as UnixSeconds,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isIdentity = (value: unknown): value is PolicyIdentity => shapeFaults(PolicyIdentity, value).length === 0
