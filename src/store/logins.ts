import { type Kysely, type Selectable, sql } from 'kysely'
import { PolicyIdentity } from '../model/context.ts'
import { shapeFaults } from '../model/shape.ts'
import type { Fingerprint, UnixSeconds } from '../model/units.ts'
import type { Schema } from './schema.ts'

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

export interface LoginStore {
  /** Takes the place of the one with the same key and prefix. */
  save(login: StoredLogin): Promise<void>
  /** Only while it has not ended, and only when its row reads as it must. */
  find(keyFingerprint: Fingerprint, prefix: string, now: UnixSeconds): Promise<StoredLogin | undefined>
  /** Those that have not ended, the latest first. */
  list(query: LoginQuery, now: UnixSeconds): Promise<readonly StoredLogin[]>
  /** Whether there was one. */
  remove(id: string): Promise<boolean>
  /** Removes those that have ended; answers how many. */
  sweep(now: UnixSeconds): Promise<number>
}

const listMost = 1_000

export function createLoginStore(database: Kysely<Schema>): LoginStore {
  return {
    async save(login) {
      const { key_fingerprint, prefix, ...rest } = toRow(login)
      await database
        .insertInto('logins')
        .values({ key_fingerprint, prefix, ...rest })
        .onConflict((conflict) => conflict.columns(['key_fingerprint', 'prefix']).doUpdateSet(rest))
        .execute()
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
      const latest = database
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
