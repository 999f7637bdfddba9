import type { FastifyInstance } from 'fastify'
import { Session, SessionBytes, type SessionEnd, SessionEvent } from '../model/session-event.ts'
import { Type } from '../model/type.ts'
import { ApiError } from './errors.ts'
import { nextCursor, pageOf, pageParameters, readCursor, readLimit } from './paging.ts'
import { answers, Nothing, OneParams } from './shapes.ts'

/** A session that is live. */
export interface LiveSession extends Session {
  /** So far. */
  readonly bytes: SessionBytes
}
/** What the SSH side knows and can do. */
export interface LiveSessions {
  /** In any order. */
  list(): Promise<readonly LiveSession[]>
  /** Ends it, for a reason of an operator's; false when no live one has that id. */
  cut(id: string): Promise<boolean>
}

/** What is written down of them. */
export interface SessionHistory {
  /** Those that have ended, the latest first. */
  list(query: { limit: number; before?: { endedAt: number; sequence: number } }): Promise<readonly StoredSession[]>
  find(id: string): Promise<StoredSession | undefined>
  /** In the order of their coming. */
  events(id: string): Promise<readonly SessionEvent[]>
}
export interface StoredSession {
  readonly sequence: number
  readonly session: Session
  /** Absent while it is live. */
  readonly end?: SessionEnd
}

const ended = {
  ended_at: Type.Optional(Type.Integer({ description: 'Unix seconds; absent while it is live' })),
  end: Type.Optional(
    Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: false, description: 'why' }),
  ),
}
const told = {
  ...Session.properties,
  state: Type.Union([Type.Literal('live'), Type.Literal('ended')]),
  bytes: SessionBytes,
  ...ended,
}
const Told = Type.Object(told, { additionalProperties: false })
/** One session, whole. */
export const SessionAnswer = Type.Object({ ...told, events: Type.Array(SessionEvent) }, { additionalProperties: false })
const List = Type.Object({ sessions: Type.Array(Told), next_cursor: nextCursor }, { additionalProperties: false })

const ListQuery = Type.Object(
  {
    ...pageParameters,
    state: Type.Optional(
      Type.Union([Type.Literal('live'), Type.Literal('ended')], { description: '`live` when absent' }),
    ),
  },
  { additionalProperties: false },
)
interface ListParameters {
  readonly limit?: string
  readonly cursor?: string
  readonly state?: 'live' | 'ended'
}

export function sessionRoutes(app: FastifyInstance, live: LiveSessions, history: SessionHistory): void {
  app.get<{ Querystring: ListParameters }>(
    '/v1/sessions',
    {
      schema: {
        summary: 'Live sessions, or those that ended; the latest first',
        querystring: ListQuery,
        response: answers({ 200: List }),
      },
    },
    async ({ query }) => (query.state === 'ended' ? endedPage(query, history) : livePage(query, live)),
  )
  app.get<{ Params: { id: string } }>(
    '/v1/sessions/:id',
    {
      schema: {
        summary: 'One session, with what happened in it',
        params: OneParams,
        response: answers({ 200: SessionAnswer }),
      },
    },
    async ({ params: { id } }) => {
      const told = await findSession(id, live, history)
      if (told === undefined) throw notFound()
      return { ...told, events: await history.events(id) }
    },
  )
  app.delete<{ Params: { id: string } }>(
    '/v1/sessions/:id',
    { schema: { summary: 'Ends a live session', params: OneParams, response: answers({ 204: Nothing }) } },
    async ({ params: { id } }, reply) => {
      if (!(await live.cut(id))) throw notFound()
      return reply.code(204).send()
    },
  )
}

const notFound = (): ApiError => new ApiError(404, 'resource_not_found', 'no session has that id')

async function findSession(id: string, live: LiveSessions, history: SessionHistory) {
  const now = (await live.list()).find((session) => session.id === id)
  if (now !== undefined) return tellLive(now)
  const stored = await history.find(id)
  return stored === undefined ? undefined : tellStored(stored)
}

async function livePage({ limit: written, cursor }: ListParameters, live: LiveSessions) {
  const limit = readLimit(written)
  const [startedAt, id] = cursor === undefined ? ['', ''] : readCursor(cursor, /^before (\d{1,15}) ([0-9a-f-]{36})$/)
  const after = (session: Session): boolean =>
    cursor === undefined || latestFirst(session, { started_at: Number(startedAt), id }) > 0
  const found = (await live.list()).filter(after).toSorted(latestFirst)
  const { items, next } = pageOf(found, limit, (last) => [last.started_at, last.id])
  return { sessions: items.map(tellLive), ...next }
}

type Placed = Pick<Session, 'started_at' | 'id'>
const latestFirst = (a: Placed, b: Placed): number =>
  b.started_at - a.started_at || (a.id === b.id ? 0 : a.id < b.id ? 1 : -1)

async function endedPage({ limit: written, cursor }: ListParameters, history: SessionHistory) {
  const limit = readLimit(written)
  const before = cursor === undefined ? {} : { before: readEnded(cursor) }
  const found = await history.list({ limit: limit + 1, ...before })
  const { items, next } = pageOf(found, limit, ({ sequence, end }) => [end?.ended_at ?? 0, sequence])
  return { sessions: items.map(tellStored), ...next }
}

function readEnded(cursor: string) {
  const [endedAt, sequence] = readCursor(cursor, /^before (\d{1,15}) (\d{1,15})$/)
  return { endedAt: Number(endedAt), sequence: Number(sequence) }
}

const tellLive = (session: LiveSession) => ({ ...session, state: 'live' as const })

function tellStored({ session, end }: StoredSession) {
  // It has just ended, and its end is on the way.
  if (end === undefined) return { ...session, state: 'live' as const, bytes: { to_client: 0, to_target: 0 } }
  const { ended_at, code, message, bytes } = end
  return { ...session, state: 'ended' as const, bytes, ended_at, end: { code, message } }
}
