import type { Kysely } from 'kysely'
import type { UnixSeconds } from '../model/units.ts'
import type { Schema } from './schema.ts'

/** A person, as the identity provider tells them apart. */
export interface Person {
  readonly issuer: string
  readonly subject: string
}

export interface UsernameStore {
  /** Gives the name, in any letter case, to the person when nobody has it; answers whose it is now. */
  bind(username: string, person: Person, now: UnixSeconds): Promise<Person>
}

export function createUsernameStore(database: Kysely<Schema>): UsernameStore {
  return {
    async bind(written, { issuer, subject }, now) {
      const username = written.toLowerCase() // `Alice` is not to be taken for `alice`
      await database
        .insertInto('usernames')
        .values({ username, issuer, subject, bound_at: now })
        .onConflict((conflict) => conflict.column('username').doNothing())
        .execute()
      const holder = database.selectFrom('usernames').select(['issuer', 'subject']).where('username', '=', username)
      return holder.executeTakeFirstOrThrow()
    },
  }
}
