import type { FastifyInstance } from 'fastify'
import { type ErrorCode, errorCodes } from '../model/errors.ts'
import { Type } from '../model/type.ts'
import { answers } from './shapes.ts'

/**
 * What must be there before the gateway can let anybody in; `code` says what is wrong with one that is not. Anybody may
 * ask: paths and causes stand in the log alone.
 */
export type Readiness = () => Promise<readonly { readonly name: string; readonly code?: ErrorCode }[]>

const Faults = Type.Object({
  status: Type.String(),
  faults: Type.Optional(Type.Object({}, { additionalProperties: { type: 'string' } })),
})

/** Open in code: they must answer when no policy is loaded. */
export function healthRoutes(app: FastifyInstance, readiness: Readiness): void {
  app.get(
    '/health/live',
    {
      config: { open: true },
      schema: { summary: 'Whether the process answers', security: [], response: answers({ 200: Faults }) },
    },
    async () => ({
      status: 'live',
    }),
  )
  app.get(
    '/health/ready',
    {
      config: { open: true },
      schema: {
        summary: 'Whether anybody can be let in, and why not',
        security: [],
        response: answers({ 200: Faults, 503: Faults }),
      },
    },
    async (_request, reply) => {
      const faults = (await readiness()).flatMap(({ name, code }) =>
        code === undefined ? [] : [[name, `${code}: ${errorCodes[code]}`] as const],
      )
      if (faults.length === 0) return { status: 'ready' }
      return reply.code(503).send({ status: 'not ready', faults: Object.fromEntries(faults) })
    },
  )
}
