import { type Kysely, sql } from 'kysely'
import { Session, SessionEnd, type SessionEvent } from '../model/session-event.ts'
import { shapeFaults } from '../model/shape.ts'
import { printableJson } from '../model/text.ts'
import type { UnixSeconds } from '../model/units.ts'
import type { Journal } from './journal.ts'
import { prepare } from './prepared.ts'
import type { Schema } from './schema.ts'

/** A session as it stands in the file; without an end it is live, or its gateway went away without a word. */
export interface StoredSession {
  readonly sequence: number
  readonly session: Session
  readonly end?: SessionEnd
}
export interface EndedQuery {
  readonly limit: number
  /** Only those that ended before this one. */
  readonly before?: { readonly endedAt: number; readonly sequence: number }
}

/**
 * The lives of sessions. The gateway calls `began`, `event` and `ended` (see src/model/session-event.ts); none of them
 * waits, and what was called is in the file a moment later, in this order.
 */
export interface SessionStore {
  began(session: Session): void
  /** A renewal also changes the session's certificate. Beyond a bound, one event says that more were left out; after the end none counts. */
  event(id: string, event: SessionEvent): void
  ended(id: string, end: SessionEnd): void
  /** Those that have ended, the latest first. */
  list(query: EndedQuery): Promise<readonly StoredSession[]>
  find(id: string): Promise<StoredSession | undefined>
  /** In the order of their coming. */
  events(id: string): Promise<readonly SessionEvent[]>
  /**
   * Ends those that a gateway of this name left behind when it was killed: those of other runs than this one, and of the
   * workers of this one that are `gone`. Those of its other workers are live. Answers how many.
   */
  abandon(now: UnixSeconds, gone?: readonly number[]): Promise<number>
}

/** Which process writes. */
export interface Carrier {
  readonly gateway: string
  /** The same for all workers that one supervisor starts, and for no others. */
  readonly run: string
  /** Never the same twice in one run. */
  readonly worker: number
}

/** Events that are kept of one session. */
export const eventsMost = 1_000
const listMost = 1_000

export function createSessionStore(
  database: Kysely<Schema>,
  journal: Journal,
  { gateway, run, worker }: Carrier,
  reading = database,
): SessionStore {
  /** Of each live session, how many events it has. */
  const counts = new Map<string, number>()
  const rows = reading.selectFrom('sessions').select(['sequence', 'session', 'end'])
  const { insertSession, insertEvent, setCertificate, setEnd } = statements(database)
  return {
    began(session) {
      counts.set(session.id, 0)
      journal.write(insertSession({ id: session.id, gateway, run, worker, session: toJson(session) }))
    },
    event(id, event) {
      const count = counts.get(id)
      if (count === undefined) return
      const number = count + 1
      counts.set(id, number)
      if (event.kind === 'renewed') journal.write(setCertificate({ id, certificate: toJson(event.certificate) }))
      if (number > eventsMost) return
      const written = number < eventsMost ? event : omitted(event)
      journal.write(insertEvent({ id, number, event: toJson(written) }))
    },
    ended(id, end) {
      counts.delete(id)
      journal.write(setEnd({ id, endedAt: end.ended_at, end: toJson(end) }))
    },
    async list({ limit, before }) {
      await journal.flush()
      const latest = rows
        .where('ended_at', 'is not', null)
        .orderBy('ended_at', 'desc')
        .orderBy('sequence', 'desc')
        .limit(Math.min(Math.max(limit, 0), listMost))
      const page =
        before === undefined
          ? latest
          : latest.where(sql<boolean>`(ended_at, sequence) < (${before.endedAt}, ${before.sequence})`)
      return (await page.execute()).flatMap(fromRow)
    },
    async find(id) {
      await journal.flush()
      return (await rows.where('id', '=', id).execute()).flatMap(fromRow).at(0)
    },
    async events(id) {
      await journal.flush()
      const found = reading.selectFrom('session_events').select('event').where('session_id', '=', id)
      const events = await found.orderBy('number').limit(eventsMost).execute()
      return events.map(({ event }) => JSON.parse(event) as SessionEvent)
    },
    async abandon(now, gone = []) {
      const end: SessionEnd = {
        ended_at: now,
        code: 'GATEWAY_GONE',
        message: 'the gateway, or its worker that carried it, was killed, or the machine was',
        bytes: { to_client: 0, to_target: 0 },
      }
      const { numUpdatedRows } = await database
        .updateTable('sessions')
        .set({ ended_at: now, end: toJson(end) })
        .where('ended_at', 'is', null)
        .where('gateway', '=', gateway)
        .where(({ or, eb }) =>
          or([eb('run', 'is', null), eb('run', '!=', run), ...(gone.length === 0 ? [] : [eb('worker', 'in', gone)])]),
        )
        .executeTakeFirst()
      return Number(numUpdatedRows)
    },
  }
}

/** What is written for each session; a group of writes that is tried again comes to the same. */
function statements(database: Kysely<Schema>) {
  return {
    insertSession: prepare<Carrier & { id: string; session: string }>(
      ['id', 'gateway', 'run', 'worker', 'session'],
      (row) =>
        database
          .insertInto('sessions')
          .values({ ...row })
          .onConflict((conflict) => conflict.column('id').doNothing()),
    ),
    insertEvent: prepare<{ id: string; number: number; event: string }>(
      ['id', 'number', 'event'],
      ({ id, number, event }) =>
        database
          .insertInto('session_events')
          .values({ session_id: id, number, event })
          .onConflict((conflict) => conflict.columns(['session_id', 'number']).doNothing()),
    ),
    setCertificate: prepare<{ id: string; certificate: string }>(['id', 'certificate'], ({ id, certificate }) =>
      database
        .updateTable('sessions')
        .set({ session: sql<string>`json_set(session, '$.certificate', json(${certificate}))` })
        .where('id', '=', id),
    ),
    setEnd: prepare<{ id: string; endedAt: number; end: string }>(['id', 'endedAt', 'end'], ({ id, endedAt, end }) =>
      database.updateTable('sessions').set({ ended_at: endedAt, end }).where('id', '=', id),
    ),
  }
}

const omitted = ({ timestamp }: SessionEvent): SessionEvent => ({
  timestamp,
  kind: 'omitted',
  because: `more than ${eventsMost} events`,
})

/** What peers wrote is shown on terminals; a text of it has so many characters at most. */
const textMost = 1_024
const toJson = (value: object): string => JSON.stringify(printableJson(value, textMost))

/** What does not read as it must is not told. */
function fromRow({ sequence, session, end }: { sequence: number; session: string; end: string | null }) {
  const read: unknown = JSON.parse(session)
  if (shapeFaults(Session, read).length > 0) return []
  const ended: unknown = end === null ? undefined : JSON.parse(end)
  if (ended !== undefined && shapeFaults(SessionEnd, ended).length > 0) return []
  return [{ sequence, session: read as Session, ...(ended === undefined ? {} : { end: ended as SessionEnd }) }]
}
