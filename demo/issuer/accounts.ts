import { createHash } from 'node:crypto'

/** Somebody at the demo's provider. Claims of other names go into the ID token as they stand. */
export interface Account {
  readonly email: string
  /** Absent: true. */
  readonly email_verified?: boolean
  readonly groups: readonly string[]
  /** How they signed in, in the words of RFC 8176. Absent: `['pwd']`. */
  readonly amr?: readonly string[]
  readonly acr?: string
  readonly [claim: string]: unknown
}

export interface Person {
  /** The provider's own name for them: not the username, and the same at every start. */
  readonly subject: string
  readonly username: string
  readonly groups: readonly string[]
  readonly amr: readonly string[]
  readonly acr?: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** From accounts by username to people by subject. */
export function peopleOf(accounts: Readonly<Record<string, Account>>): ReadonlyMap<string, Person> {
  const people = Object.entries(accounts).map(([username, account]): Person => {
    const { groups, amr = ['pwd'], acr } = account
    const claims = { preferred_username: username, email_verified: true, ...account }
    return { subject: subjectOf(username), username, groups, amr, claims, ...(acr === undefined ? {} : { acr }) }
  })
  return new Map(people.map((person) => [person.subject, person]))
}

/** Looks like a UUID, as providers like it. */
export function subjectOf(username: string): string {
  const hex = createHash('sha256').update(`subject of ${username}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
