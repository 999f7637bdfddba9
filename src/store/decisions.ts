import type { Kysely } from 'kysely'
import { GatewayError } from '../model/errors.ts'
import type { Schema } from './schema.ts'

/** An event of the decision log, and what it can be found by. */
export interface DecisionEvent {
  readonly decisionId: string
  /** RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
  readonly timestamp: string
  readonly outcome: string
  /** Absent when allowed. */
  readonly code?: string
  /** Absent when nobody had signed in. */
  readonly username?: string
  readonly route?: string
  readonly sessionId?: string
  readonly kind: string
  /** The event as it is to come back, byte for byte. */
  readonly bytes: Uint8Array
}

export interface DecisionQuery {
  readonly kind: string
  readonly limit: number
  /** Only what was written before the event of this number. */
  readonly before?: number
}

export interface DecisionStore {
  /** Resolves when the event is durable. Rejects with LOG_NOT_DURABLE; the event may be there all the same. */
  append(event: DecisionEvent): Promise<void>
  /** Newest first. */
  list(query: DecisionQuery): Promise<readonly { readonly sequence: number; readonly bytes: Uint8Array }[]>
  find(decisionId: string): Promise<Uint8Array | undefined>
}

/** Events of one answer. */
const listMost = 1_000

export function createDecisionStore(database: Kysely<Schema>): DecisionStore {
  return {
    async append(event) {
      try {
        await database.insertInto('decisions').values(toRow(event)).execute()
      } catch (cause) {
        throw new GatewayError('LOG_NOT_DURABLE', 'the decision could not be written down', { cause })
      }
    },
    async list({ kind, limit, before }) {
      const newest = database
        .selectFrom('decisions')
        .select(['sequence', 'event as bytes'])
        .where('kind', '=', kind)
        .orderBy('sequence', 'desc')
        .limit(Math.min(Math.max(limit, 0), listMost)) // a negative one is none to SQLite
      return (before === undefined ? newest : newest.where('sequence', '<', before)).execute()
    },
    async find(decisionId) {
      const query = database.selectFrom('decisions').select('event').where('decision_id', '=', decisionId)
      return (await query.executeTakeFirst())?.event
    },
  }
}

const toRow = (event: DecisionEvent) => ({
  decision_id: event.decisionId,
  timestamp: event.timestamp,
  outcome: event.outcome,
  code: event.code ?? null,
  username: event.username ?? null,
  route: event.route ?? null,
  session_id: event.sessionId ?? null,
  kind: event.kind,
  event: event.bytes,
})
