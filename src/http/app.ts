import swagger from '@fastify/swagger'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { type Authorize, authorization, type KnownTokens } from './authorization.ts'
import { type CaLines, caRoutes } from './ca.ts'
import { type DecisionSource, decisionRoutes } from './decisions.ts'
import { ApiError, answerError, refuseUnreadable } from './errors.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { type LoginSource, loginRoutes } from './logins.ts'
import { type MetricsText, metricsRoute } from './metrics.ts'
import { type AskWhatIf, type PolicyState, policyRoutes } from './policy.ts'
import { type ServerParts, serverFactory } from './server.ts'
import { type LiveSessions, type SessionHistory, sessionRoutes } from './sessions.ts'
import { type OnDecision, type TailLimits, tailRoute, usualTail } from './tail.ts'
import { fits, pathOf } from './target.ts'
import { compilersFactory } from './validation.ts'

export interface HttpParts extends ServerParts {
  readonly version: string
  readonly decisions: DecisionSource
  readonly onDecision: OnDecision
  readonly tail?: TailLimits
  readonly sessions: LiveSessions
  readonly history: SessionHistory
  readonly logins: LoginSource
  readonly policy: () => PolicyState
  readonly whatIf: AskWhatIf
  readonly metrics: MetricsText
  /** Asks `data.system.authz.allow`; a policy that does not answer is a no. */
  readonly authorize: Authorize
  readonly readiness: Readiness
  readonly caKeys: CaLines
  /** None: there is no host CA. */
  readonly hostCaKeys: CaLines
  readonly tokens: KnownTokens
}

/** Bytes of a request's body; nothing that is asked here is long. */
const bodyMost = 1024 * 1024

/**
 * The HTTP side. What is asked is validated as it came: nothing is turned into another type, filled in or left out. Every
 * route is asked of the policy, but for those that must answer when there is none (`config.open`).
 */
export function createApp(parts: HttpParts): FastifyInstance {
  const app = Fastify({
    serverFactory: serverFactory(parts),
    logger: false,
    trustProxy: false,
    bodyLimit: bodyMost,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, parts.log),
    clientErrorHandler: refuseUnreadable,
    schemaController: { compilersFactory },
  })
  app.decorateRequest('caller', undefined)
  app.addHook('onRequest', authorization(parts.tokens, parts.authorize))
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  app.setErrorHandler((error, request, reply) => answerError(error as FastifyError, request, reply, parts.log))
  answerUnknown(app)
  app.register(swagger, { openapi: describe(parts.version) })
  app.register(async (routes) => addRoutes(routes, parts))
  return app
}

function addRoutes(app: FastifyInstance, parts: HttpParts): void {
  healthRoutes(app, parts.readiness)
  decisionRoutes(app, parts.decisions)
  tailRoute(app, parts.decisions, parts.onDecision, parts.tokens, parts.log, parts.tail ?? usualTail)
  sessionRoutes(app, parts.sessions, parts.history)
  loginRoutes(app, parts.logins)
  policyRoutes(app, parts.policy, parts.whatIf)
  metricsRoute(app, parts.metrics)
  caRoutes(app, parts.caKeys, parts.hostCaKeys)
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

const describe = (version: string) => ({
  openapi: '3.1.0',
  info: {
    title: 'Regate',
    version,
    description: 'Who may call what is decided by the policy: data.system.authz.allow.',
  },
  components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ token: [] }],
})

/** 405 with what is possible when the path is known, else 404. */
function answerUnknown(app: FastifyInstance): void {
  const known: { readonly url: string; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => void known.push({ url, methods: [method].flat() }))
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const methods = known.filter(({ url }) => fits(path, url)).flatMap((route) => route.methods)
    if (methods.length === 0) throw new ApiError(404, 'resource_not_found', 'there is nothing here')
    reply.header('allow', [...new Set(methods)].join(', '))
    throw new ApiError(405, 'method_not_allowed', `${request.method} is not possible here`)
  })
}
