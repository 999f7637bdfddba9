import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../model/errors.ts'
import { ApiError } from './errors.ts'
import { answers, ofType } from './shapes.ts'

/** The lines for a host's `TrustedUserCAKeys`. Rejects with SIGNER_UNAVAILABLE while the key that signs was never seen. */
export type CaKeys = () => Promise<readonly string[]>

/** Open in code: hosts have no token. Never a part of the lines: a host that took it would lock out half the people. */
export function caRoute(app: FastifyInstance, caKeys: CaKeys): void {
  const response = answers({ 200: ofType(['text/plain'], 'lines for TrustedUserCAKeys') })
  const schema = { summary: 'The user CA’s public keys', security: [], response }
  app.get('/ca.pub', { config: { open: true }, schema }, async (_request, reply) => {
    const lines = await caKeys().catch((thrown: unknown) => {
      if (thrown instanceof GatewayError && thrown.code === 'SIGNER_UNAVAILABLE')
        throw new ApiError(503, 'signer_unavailable', 'the agent that holds the key was not yet seen')
      throw thrown
    })
    return reply.type('text/plain; charset=utf-8').send(`${lines.join('\n')}\n`)
  })
}
