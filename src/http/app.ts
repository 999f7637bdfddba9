import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Log } from '../model/log.ts'
import { printable } from '../model/text.ts'
import { type Authorize, authorization, type KnownToken } from './authorization.ts'
import { type CaKeys, caRoute } from './ca.ts'
import { type DecisionSource, decisionRoutes } from './decisions.ts'
import { ApiError } from './errors.ts'
import { healthRoutes, type Readiness } from './health.ts'

export interface HttpParts {
  readonly decisions: DecisionSource
  /** Asks `data.system.authz.allow`; a policy that does not answer is a no. */
  readonly authorize: Authorize
  readonly readiness: Readiness
  readonly caKeys: CaKeys
  readonly tokens: readonly KnownToken[]
  readonly log: Log
}

/** Bytes of a request's body; nothing that is asked here is long. */
const bodyMost = 1024 * 1024

/**
 * The HTTP side. What is asked is validated as it came: nothing is turned into another type, filled in or left out. Every
 * route is asked of the policy, but for those that must answer when there is none (`config.open`).
 */
export function createApp(parts: HttpParts): FastifyInstance {
  const app = Fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: bodyMost,
    requestTimeout: 10_000,
    routerOptions: { maxParamLength: 200 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false } },
  })
  app.addHook('onRequest', authorization(parts.tokens, parts.authorize))
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  app.setErrorHandler((error, request, reply) => answerError(error as FastifyError, request, reply, parts.log))
  app.setNotFoundHandler(() => {
    throw new ApiError(404, 'resource_not_found', 'there is nothing here')
  })
  healthRoutes(app, parts.readiness)
  decisionRoutes(app, parts.decisions)
  caRoute(app, parts.caKeys)
  return app
}

/** OPA's form of an error: `{"code", "message"}`. What went wrong inside stays inside. */
function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const status = error instanceof ApiError ? error.status : (error.statusCode ?? 500)
  if (status >= 500) log.error({ fault: error.message, url: printable(request.url, 200) }, 'request failed')
  const code = error instanceof ApiError ? error.code : status === 500 ? 'internal_error' : 'invalid_parameter'
  const message = status === 500 ? 'something went wrong here' : printable(error.message, 300)
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  reply.code(status).send({ code, message })
}
