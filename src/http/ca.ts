import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../model/errors.ts'
import { ApiError } from './errors.ts'
import { answers, ofType } from './shapes.ts'

/** Lines of public keys. Rejects with SIGNER_UNAVAILABLE while the key that signs was never seen. */
export type CaLines = () => Promise<readonly string[]>

/** Open in code: hosts and clients have no token. Never a part of the lines: who took it would lock out half the people. */
export function caRoutes(app: FastifyInstance, userCa: CaLines, hostCa: CaLines): void {
  const response = answers({ 200: ofType(['text/plain'], 'lines for TrustedUserCAKeys') })
  const schema = { summary: 'The user CA’s public keys', security: [], response }
  app.get('/ca.pub', { config: { open: true }, schema }, async (_request, reply) => {
    return reply.type('text/plain; charset=utf-8').send(await textOf(userCa))
  })
  const forClients = answers({ 200: ofType(['text/plain'], 'keys for @cert-authority lines of known_hosts') })
  const hostSchema = { summary: 'The host CA’s public keys', security: [], response: forClients }
  app.get('/host_ca.pub', { config: { open: true }, schema: hostSchema }, async (_request, reply) => {
    return reply.type('text/plain; charset=utf-8').send(await textOf(hostCa))
  })
}

async function textOf(ca: CaLines): Promise<string> {
  const lines = await ca().catch((thrown: unknown) => {
    if (thrown instanceof GatewayError && thrown.code === 'SIGNER_UNAVAILABLE')
      throw new ApiError(503, 'signer_unavailable', 'the agent that holds the key was not yet seen')
    throw thrown
  })
  if (lines.length === 0) throw new ApiError(404, 'not_found', 'no host CA is configured')
  return `${lines.join('\n')}\n`
}
