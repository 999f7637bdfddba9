import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { answers } from './shapes.ts'

/** What must be there before the gateway can let anybody in; `why` says what is wrong with one that is not. */
export type Readiness = () => Promise<readonly { readonly name: string; readonly why?: string }[]>

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
      const faults = (await readiness()).flatMap(({ name, why }) => (why === undefined ? [] : [[name, why] as const]))
      if (faults.length === 0) return { status: 'ready' }
      return reply.code(503).send({ status: 'not ready', faults: Object.fromEntries(faults) })
    },
  )
}
