import { type Kysely, type Selectable, type SelectQueryBuilder, sql } from 'kysely'
import { GatewayError } from '../model/errors.ts'
import { prepare } from './prepared.ts'
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

/** What is absent leaves nothing out. */
export interface DecisionFilter {
  readonly kind: string
  readonly outcome?: string
  readonly code?: string
  readonly username?: string
  readonly route?: string
}
export interface DecisionQuery extends DecisionFilter {
  readonly limit: number
  /** First instant that counts, and first that counts no more; written as `timestamp` is. */
  readonly from?: string
  readonly to?: string
  /** Only what comes after this one in the list. */
  readonly before?: { readonly sequence: number; readonly timestamp: string }
}
export interface FoundDecision {
  /** In the order of writing. */
  readonly sequence: number
  readonly decisionId: string
  readonly timestamp: string
  readonly bytes: Uint8Array
}
/** The next that were written; `reached` is where to go on. */
export interface NewDecisions {
  readonly found: readonly FoundDecision[]
  readonly reached: number
}

export interface DecisionStore {
  /** Resolves when the event is durable. Rejects with LOG_NOT_DURABLE; the event may be there all the same. */
  append(event: DecisionEvent): Promise<void>
  /** Newest first: as written, or when times are asked for, by time. */
  list(query: DecisionQuery): Promise<readonly FoundDecision[]>
  /** As written, after the event of that number. */
  since(sequence: number, filter: DecisionFilter, limit: number): Promise<NewDecisions>
  /** The number of an event, or of the last one; undefined when no event has that id. */
  position(decisionId?: string): Promise<number | undefined>
  find(decisionId: string): Promise<Uint8Array | undefined>
}

/** Events of one answer. */
const listMost = 1_000

/** `reading` is what is searched; it may be another connection to the same file. */
export function createDecisionStore(database: Kysely<Schema>, reading = database): DecisionStore {
  const columns = ['sequence', 'decision_id as decisionId', 'timestamp', 'event as bytes'] as const
  const last = async (): Promise<number> => {
    const row = await reading
      .selectFrom('decisions')
      .select(({ fn }) => fn.max('sequence').as('last'))
      .executeTakeFirst()
    return row?.last ?? 0
  }
  const insert = prepare<Row>(rowNames, (row) => database.insertInto('decisions').values({ ...row }))
  return {
    async append(event) {
      try {
        await database.executeQuery(insert(toRow(event)))
      } catch (cause) {
        throw new GatewayError('LOG_NOT_DURABLE', 'the decision could not be written down', { cause })
      }
    },
    async list(query) {
      const found = newestFirst(filtered(reading.selectFrom('decisions'), query), query)
      // A negative limit is none to SQLite.
      return found
        .select(columns)
        .limit(Math.min(Math.max(query.limit, 0), listMost))
        .execute()
    },
    async since(sequence, filter, limit) {
      const end = await last()
      const found = await filtered(reading.selectFrom('decisions'), filter)
        .select(columns)
        .where('sequence', '>', sequence)
        .where('sequence', '<=', end)
        .orderBy('sequence')
        .limit(limit)
        .execute()
      return { found, reached: found.length < limit ? Math.max(end, sequence) : (found.at(-1)?.sequence ?? sequence) }
    },
    async position(decisionId) {
      if (decisionId === undefined) return last()
      const query = reading.selectFrom('decisions').select('sequence').where('decision_id', '=', decisionId)
      return (await query.executeTakeFirst())?.sequence
    },
    async find(decisionId) {
      const query = reading.selectFrom('decisions').select('event').where('decision_id', '=', decisionId)
      return (await query.executeTakeFirst())?.event
    },
  }
}

type Decisions = SelectQueryBuilder<Schema, 'decisions', object>

function filtered(all: Decisions, { kind, outcome, code, username, route }: DecisionFilter): Decisions {
  let query = all.where('kind', '=', kind)
  if (outcome !== undefined) query = query.where('outcome', '=', outcome)
  if (code !== undefined) query = query.where('code', '=', code)
  if (username !== undefined) query = query.where('username', '=', username)
  if (route !== undefined) query = query.where('route', '=', route)
  return query
}

/** By time there is an index of its own: whoever asks for last year does not wait for all since to be looked at. */
function newestFirst(all: Decisions, { from, to, before }: DecisionQuery): Decisions {
  if (from === undefined && to === undefined) {
    const page = before === undefined ? all : all.where('sequence', '<', before.sequence)
    return page.orderBy('sequence', 'desc')
  }
  let query = all
  if (from !== undefined) query = query.where('timestamp', '>=', from)
  if (to !== undefined) query = query.where('timestamp', '<', to)
  if (before !== undefined)
    query = query.where(sql<boolean>`(timestamp, sequence) < (${before.timestamp}, ${before.sequence})`)
  return query.orderBy('timestamp', 'desc').orderBy('sequence', 'desc')
}

type Row = Omit<Selectable<Schema['decisions']>, 'sequence'>
const rowNames = [
  'decision_id',
  'timestamp',
  'outcome',
  'code',
  'username',
  'route',
  'session_id',
  'kind',
  'event',
] as const
const toRow = (event: DecisionEvent): Row => ({
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
