import type { FastifyInstance } from 'fastify'
import type { PolicyIdentity } from '../model/context.ts'
import { Type } from '../model/type.ts'
import { ApiError } from './errors.ts'
import { nextCursor, pageOf, pageParameters, readCursor, readLimit } from './paging.ts'
import { answers, Nothing, OneParams } from './shapes.ts'

export interface LoginSource {
  /** Those that have not ended, the latest first. */
  list(query: { limit: number; before?: { createdAt: number; id: string } }): Promise<readonly CachedLogin[]>
  /** Takes it away and cuts the sessions that rest on it, before it resolves; false when there is none. */
  revoke(id: string): Promise<boolean>
}
/** A person who has signed in, for as long as the same key comes from the same place. Times in Unix seconds. */
export interface CachedLogin {
  readonly id: string
  readonly keyFingerprint: string
  readonly prefix: string
  readonly identity: PolicyIdentity
  readonly createdAt: number
  readonly expiresAt: number
}

const Login = Type.Object(
  {
    id: Type.String(),
    person: Type.Object(
      {
        issuer: Type.String(),
        subject: Type.String(),
        username: Type.String(),
        email: Type.Optional(Type.String()),
        groups: Type.Array(Type.String()),
      },
      { additionalProperties: false },
    ),
    flow: Type.String({ description: 'how the person signed in' }),
    source_ip: Type.String({ description: 'from where the sign-in was begun by ssh' }),
    key: Type.String({ description: 'the fingerprint of the key that opens it' }),
    network: Type.String({ description: 'from where it serves; * is anywhere' }),
    created_at: Type.Integer({ description: 'Unix seconds' }),
    expires_at: Type.Integer({ description: 'Unix seconds' }),
  },
  { additionalProperties: false },
)
const List = Type.Object({ logins: Type.Array(Login), next_cursor: nextCursor }, { additionalProperties: false })
const ListQuery = Type.Object(pageParameters, { additionalProperties: false })

export function loginRoutes(app: FastifyInstance, logins: LoginSource): void {
  app.get<{ Querystring: { limit?: string; cursor?: string } }>(
    '/v1/logins',
    {
      schema: {
        summary: 'Cached logins, the latest first',
        querystring: ListQuery,
        response: answers({ 200: List }),
      },
    },
    async ({ query }) => {
      const limit = readLimit(query.limit)
      const before = query.cursor === undefined ? {} : { before: readBefore(query.cursor) }
      const found = await logins.list({ limit: limit + 1, ...before })
      const { items, next } = pageOf(found, limit, (last) => [last.createdAt, last.id])
      return { logins: items.map(tell), ...next }
    },
  )
  app.delete<{ Params: { id: string } }>(
    '/v1/logins/:id',
    {
      schema: {
        summary: 'Revokes a login, which ends its sessions',
        params: OneParams,
        response: answers({ 204: Nothing }),
      },
    },
    async ({ params }, reply) => {
      if (!(await logins.revoke(params.id))) throw new ApiError(404, 'resource_not_found', 'no login has that id')
      return reply.code(204).send()
    },
  )
}

function readBefore(cursor: string) {
  const [createdAt, id] = readCursor(cursor, /^before (\d{1,15}) ([0-9a-f-]{36})$/)
  return { createdAt: Number(createdAt), id }
}

function tell({ id, keyFingerprint, prefix, identity, createdAt, expiresAt }: CachedLogin) {
  const { issuer, subject, username, email, groups, login } = identity
  return {
    id,
    person: { issuer, subject, username, groups, ...(email === undefined ? {} : { email }) },
    flow: login.flow,
    source_ip: login.ssh_source_ip,
    key: keyFingerprint,
    network: prefix,
    created_at: createdAt,
    expires_at: expiresAt,
  }
}
