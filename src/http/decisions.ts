import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ApiError } from './errors.ts'

/** Where decisions are read from: their events as the exact bytes that were written. */
export interface DecisionSource {
  /** Newest first; `before` is the sequence number from which on to go back. */
  list(query: { limit: number; before?: number; kind: 'ssh' }): Promise<readonly StoredDecision[]>
  find(decisionId: string): Promise<Uint8Array | undefined>
}
export interface StoredDecision {
  readonly sequence: number
  readonly bytes: Uint8Array
}

const usualLimit = 50
const limitMost = 500

const ListQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^[1-9]\\d{0,2}$', description: `1 to ${limitMost}; ${usualLimit} when absent` }),
    ),
    cursor: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: '`next_cursor` of the page before' }),
    ),
  },
  { additionalProperties: false },
)
const OneParams = Type.Object(
  { id: Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }) },
  { additionalProperties: false },
)

export function decisionRoutes(app: FastifyInstance, decisions: DecisionSource): void {
  app.get<{ Querystring: { limit?: string; cursor?: string } }>(
    '/v1/decisions',
    { schema: { querystring: ListQuery } },
    async (request, reply) => {
      const limit = Number(request.query.limit ?? usualLimit)
      if (limit > limitMost) throw new ApiError(400, 'invalid_parameter', `limit must be at most ${limitMost}`)
      const { cursor } = request.query
      const before = cursor === undefined ? {} : { before: readCursor(cursor) }
      const found = await decisions.list({ limit: limit + 1, kind: 'ssh', ...before })
      return reply.type('application/json; charset=utf-8').send(page(found.slice(0, limit), found.length > limit))
    },
  )
  app.get<{ Params: { id: string } }>(
    '/v1/decisions/:id',
    { schema: { params: OneParams } },
    async (request, reply) => {
      const event = await decisions.find(request.params.id)
      if (event === undefined) throw new ApiError(404, 'resource_not_found', 'no decision has that id')
      return reply.type('application/json; charset=utf-8').send(Buffer.from(event))
    },
  )
}

/** The events go in as they were written; read and written again they would be others. */
function page(found: readonly StoredDecision[], more: boolean): string {
  const events = found.map(({ bytes }) => Buffer.from(bytes).toString('utf8')).join(',')
  const last = found.at(-1)
  const next = more && last !== undefined ? `,"next_cursor":${JSON.stringify(writeCursor(last.sequence))}` : ''
  return `{"decisions":[${events}]${next}}`
}

const writeCursor = (sequence: number): string => Buffer.from(`before ${sequence}`).toString('base64url')

function readCursor(cursor: string): number {
  const [, digits] = /^before (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (digits === undefined) throw new ApiError(400, 'invalid_parameter', 'the cursor is none of ours')
  return Number(digits)
}
