import type { FastifyInstance } from 'fastify'
import { answers, ofType } from './shapes.ts'

/** What is counted, in the text format of Prometheus. */
export type MetricsText = () => Promise<string>

const type = 'text/plain; version=0.0.4; charset=utf-8'

export function metricsRoute(app: FastifyInstance, metrics: MetricsText): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'What is counted, for Prometheus',
        security: [],
        response: answers({ 200: ofType(['text/plain'], 'the text format of Prometheus') }),
      },
    },
    async (_request, reply) => reply.type(type).send(await metrics()),
  )
}
