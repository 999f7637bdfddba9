import type { FastifyInstance } from 'fastify'
import { Type } from '../model/type.ts'
import { ApiError } from './errors.ts'
import { nextCursor, pageOf, pageParameters, readCursor, readLimit } from './paging.ts'
import { answers, DecisionEvent, OneParams } from './shapes.ts'

/** Where decisions are read from: their events as the exact bytes that were written. */
export interface DecisionSource {
  /** Newest first. */
  list(query: DecisionQuery): Promise<readonly StoredDecision[]>
  find(decisionId: string): Promise<Uint8Array | undefined>
  /** In the order of writing, from after that number; `reached` is where to go on. */
  since(
    sequence: number,
    filter: DecisionFilter,
    limit: number,
  ): Promise<{ readonly found: readonly StoredDecision[]; readonly reached: number }>
  /** Of a decision, or of the last. */
  position(decisionId?: string): Promise<number | undefined>
}
export interface StoredDecision {
  readonly sequence: number
  readonly decisionId: string
  readonly timestamp: string
  readonly bytes: Uint8Array
}
export interface DecisionFilter {
  readonly kind: 'ssh' | 'what-if'
  readonly username?: string
  readonly route?: string
  readonly outcome?: string
  readonly code?: string
}
export interface DecisionQuery extends DecisionFilter {
  readonly limit: number
  /** RFC 3339 in UTC with milliseconds; `to` itself is out. */
  readonly from?: string
  readonly to?: string
  readonly before?: { readonly sequence: number; readonly timestamp: string }
}

const name = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 128, description }))
/** What decisions can be picked by, in a list and as they come. */
export const filterParameters = {
  user: name('the username, whole'),
  route: name('the route’s name, whole'),
  outcome: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('challenge'), Type.Literal('deny')])),
  code: Type.Optional(Type.String({ pattern: '^[A-Z_]{1,64}$', description: 'of a refusal' })),
  kind: Type.Optional(Type.Union([Type.Literal('ssh'), Type.Literal('what-if')], { description: '`ssh` when absent' })),
}
export type FilterParameters = Partial<Record<'user' | 'route' | 'outcome' | 'code', string>> & {
  readonly kind?: 'ssh' | 'what-if'
}
export const readFilter = ({ user, kind = 'ssh', route, outcome, code }: FilterParameters): DecisionFilter => ({
  kind,
  ...(user === undefined ? {} : { username: user }),
  ...(route === undefined ? {} : { route }),
  ...(outcome === undefined ? {} : { outcome }),
  ...(code === undefined ? {} : { code }),
})

const time = (description: string) =>
  Type.Optional(Type.String({ maxLength: 40, description: `${description}; RFC 3339, 2025-11-24T12:00:00Z` }))
const ListQuery = Type.Object(
  {
    ...pageParameters,
    ...filterParameters,
    from: time('first instant that counts'),
    to: time('first instant that counts no more'),
  },
  { additionalProperties: false },
)
type ListParameters = FilterParameters & Partial<Record<'limit' | 'cursor' | 'from' | 'to', string>>

const List = Type.Object({ decisions: Type.Array(DecisionEvent), next_cursor: nextCursor })
const json = 'application/json; charset=utf-8'

export function decisionRoutes(app: FastifyInstance, decisions: DecisionSource): void {
  app.get<{ Querystring: ListParameters }>(
    '/v1/decisions',
    {
      schema: { summary: 'Decisions, the newest first', querystring: ListQuery, response: answers({ 200: List }) },
    },
    async ({ query }, reply) => {
      const limit = readLimit(query.limit)
      const found = await decisions.list({
        ...readFilter(query),
        ...readTimes(query),
        limit: limit + 1,
        ...(query.cursor === undefined ? {} : { before: readBefore(query.cursor) }),
      })
      const { items, next } = pageOf(found, limit, ({ sequence, timestamp }) => [sequence, timestamp])
      return reply.type(json).send(listText(items, next))
    },
  )
  app.get<{ Params: { id: string } }>(
    '/v1/decisions/:id',
    { schema: { summary: 'One decision', params: OneParams, response: answers({ 200: DecisionEvent }) } },
    async (request, reply) => {
      const event = await decisions.find(request.params.id)
      if (event === undefined) throw new ApiError(404, 'resource_not_found', 'no decision has that id')
      return reply.type(json).send(Buffer.from(event))
    },
  )
}

function readBefore(cursor: string) {
  const [sequence, timestamp] = readCursor(cursor, /^before (\d{1,15}) ([0-9TZ:.-]{24})$/)
  return { sequence: Number(sequence), timestamp }
}

function readTimes({ from, to }: ListParameters): { from?: string; to?: string } {
  return {
    ...(from === undefined ? {} : { from: instant(from, 'from') }),
    ...(to === undefined ? {} : { to: instant(to, 'to') }),
  }
}

/** RFC 3339 section 5.6, as the store writes it: the order of the texts is the order of time. */
function instant(text: string, parameter: string): string {
  const written = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(text)
  const milliseconds = written ? Date.parse(text) : Number.NaN
  if (Number.isNaN(milliseconds))
    throw new ApiError(400, 'invalid_parameter', `${parameter} must be a time such as 2025-11-24T12:00:00Z`)
  return new Date(milliseconds).toISOString()
}

/** The events go in as they were written; read and written again they would be others. */
function listText(found: readonly StoredDecision[], next: { readonly next_cursor?: string }): string {
  const events = found.map(({ bytes }) => Buffer.from(bytes).toString('utf8')).join(',')
  const more = next.next_cursor === undefined ? '' : `,"next_cursor":${JSON.stringify(next.next_cursor)}`
  return `{"decisions":[${events}]${more}}`
}
