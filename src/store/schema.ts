import type { Generated } from 'kysely'

/** The tables as they stand after the last migration. */
export interface Schema {
  readonly schema_versions: SchemaVersions
  readonly decisions: Decisions
  readonly logins: Logins
  readonly usernames: Usernames
  readonly sessions: Sessions
  readonly session_events: SessionEvents
  /** SQLite's own list of what the file holds. */
  readonly sqlite_schema: { readonly type: string; readonly name: string }
}

interface SchemaVersions {
  readonly version: number
}

/** What an event can be found by, and the event itself as the exact bytes that were written. */
interface Decisions {
  /** In the order of writing; a number is never given twice. */
  readonly sequence: Generated<number>
  readonly decision_id: string
  /** RFC 3339 in UTC with milliseconds, so that the order of the text is the order of time. */
  readonly timestamp: string
  readonly outcome: string | null
  readonly code: string | null
  readonly username: string | null
  readonly route: string | null
  readonly session_id: string | null
  readonly kind: string
  readonly event: Uint8Array
}

/** Whose a name is: the first person's who had it, for good. Time in Unix seconds. */
interface Usernames {
  readonly username: string
  readonly issuer: string
  readonly subject: string
  readonly bound_at: number
}

/** Times in Unix seconds. `issuer`, `subject` and `username` are those of `identity`, to find a person's logins by. */
interface Logins {
  readonly id: string
  readonly key_fingerprint: string
  readonly prefix: string
  readonly issuer: string
  readonly subject: string
  readonly username: string
  /** JSON. */
  readonly identity: string
  readonly created_at: number
  readonly expires_at: number
}

/** `session` and `end` are JSON, as src/model/session-event.ts has them; `end` and `ended_at` are null while it is live. */
interface Sessions {
  readonly sequence: Generated<number>
  readonly id: string
  /** Which gateway carries it. */
  readonly gateway: string
  /** From which start on to its end, and which of its processes; null in rows of older versions. */
  readonly run: string | null
  readonly worker: number | null
  readonly session: string
  readonly ended_at: number | null
  readonly end: string | null
}

interface SessionEvents {
  readonly session_id: string
  /** In the order of their coming, from 1. */
  readonly number: number
  /** JSON. */
  readonly event: string
}
