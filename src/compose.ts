import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { type Authority, authorityFromKey } from './certificate/authority.ts'
import { issue } from './certificate/issue.ts'
import type { Config } from './config.ts'
import { createDecisionLog } from './decision-log/log.ts'
import type { Steps } from './gateway/admit.ts'
import type { ConnectionParts } from './gateway/connection.ts'
import { Listener } from './gateway/listener.ts'
import { Places } from './gateway/places.ts'
import { Rate, Rates } from './gateway/rates.ts'
import { findRoute, hostKeysOf } from './gateway/routes.ts'
import { Sessions } from './gateway/sessions.ts'
import { Tally } from './gateway/tally.ts'
import { createApp } from './http/app.ts'
import { Identities } from './identity/identities.ts'
import { createIssuer, type Issuer } from './identity/issuer.ts'
import { Logins } from './identity/logins.ts'
import { Robots } from './identity/robots.ts'
import { readKeyFile } from './key-file.ts'
import { asGatewayError, type ErrorCode, GatewayError } from './model/errors.ts'
import { faultFields, type Log } from './model/log.ts'
import { type Milliseconds, systemClock } from './model/units.ts'
import { readBundle } from './policy/bundle.ts'
import { type Active, evaluate } from './policy/engine.ts'
import { PolicyPool } from './policy/pool.ts'
import { version } from './project.ts'
import { followRobots } from './robots.ts'
import { algorithmsFor, checkHostKey } from './ssh/host-keys.ts'
import { createSshServer, publicHalf } from './ssh/server.ts'
import { reach } from './ssh/target.ts'
import { openStore, type Store } from './store/open.ts'

export type ParentLog = Log & { child(fields: object): Log }

/** The gateway at work. */
export interface Gateway {
  readonly sshPort: number
  readonly httpPort: number
  /** Live sessions get so long to end; then the store is closed. */
  close(grace: Milliseconds): Promise<void>
}

/** The keys that the configuration names. Throws KEY_FILE, also for a key that is to be both: a copy is the same key. */
export function loadKeys(config: Config): { readonly hostKeys: readonly Buffer[]; readonly authority: Authority } {
  const authority = authorityFromKey(readKeyFile(config.ca.key), `${config.gateway.name}-user-ca`)
  const hostKeys = config.gateway.hostKeys.map((path) => readHostKey(path, authority))
  return { hostKeys, authority }
}

function readHostKey(path: string, authority: Authority): Buffer {
  const key = Buffer.from(readKeyFile(path))
  if (publicHalfOf(path, key).equals(authority.publicKey))
    throw new GatewayError('KEY_FILE', `${path} is both a host key and the user CA: they must be two`)
  return key
}

function publicHalfOf(path: string, key: Buffer): Buffer {
  try {
    return publicHalf(key)
  } catch (cause) {
    throw new GatewayError('KEY_FILE', `${path}: ${(cause as Error).message}`, { cause })
  }
}

/** A policy for admissions, and one of its own for everything else, which must not keep an admission waiting. */
export interface Policies extends AsyncDisposable {
  readonly admissions: Active
  readonly others: Active
}

/** Never rejects: without a usable bundle the gateway runs, is not ready, and lets nobody in. */
export async function loadPolicies(config: Config['policy']): Promise<Policies> {
  const started: PolicyPool[] = []
  const dispose = async (): Promise<void> =>
    void (await Promise.all(started.map((pool) => pool[Symbol.asyncDispose]())))
  try {
    const bundle = await readBundle(config.bundle)
    const start = async (workers: number): Promise<Active> => {
      const pool = await PolicyPool.start(bundle, { ...config, workers })
      started.push(pool)
      if (!pool.entrypoints.includes('ssh/decision'))
        throw new GatewayError('POLICY_BUNDLE', `${config.bundle} has no entrypoint ssh/decision`)
      return { revision: bundle.revision, pool }
    }
    return { admissions: await start(config.workers), others: await start(1), [Symbol.asyncDispose]: dispose }
  } catch (thrown) {
    await dispose()
    const fault = asGatewayError(thrown, 'POLICY_BUNDLE', 'the bundle could not be loaded')
    return { admissions: { fault }, others: { fault }, [Symbol.asyncDispose]: async () => {} }
  }
}

/** Builds every part once and puts them together. The one place that knows them all. */
export async function compose(config: Config, log: ParentLog): Promise<Gateway> {
  await using undo = new AsyncDisposableStack()
  const { hostKeys, authority } = loadKeys(config)
  const store = undo.use(await openStore(config.store))
  undo.use(sweepLogins(store, log))
  const policies = undo.use(await loadPolicies(config.policy))
  if ('fault' in policies.admissions) log.error(faultFields(policies.admissions.fault), 'no policy: everyone is denied')
  const issuer = createIssuer(config.identity)
  const sessions = new Sessions()
  const steps = makeSteps(config, authority, policies.admissions, store, log)
  const parts: ConnectionParts = {
    ssh: createSshServer(hostKeys),
    steps,
    sessions,
    ...makeIdentity(config, issuer, await startRobots(config, store, undo, log), store, log),
    settings: connectionSettings(config),
    clock: systemClock,
    log,
  }
  const app = makeApp(config, authority, policies, store, log)
  undo.defer(() => app.close())
  await app.listen(config.http.listen)
  const { unauthenticated: total, unauthenticatedPerSource: perSource } = config.limits
  const listener = await Listener.listen(config.gateway.listen, parts, new Places({ total, perSource }))
  const running = undo.move()
  return {
    sshPort: listener.port,
    httpPort: portOf(app),
    async close(grace) {
      await listener.close(grace)
      await running.disposeAsync()
    },
  }
}

function makeSteps(config: Config, authority: Authority, active: Active, store: Store, log: Log): Steps {
  const writer = { id: randomUUID(), version, gateway: config.gateway.name }
  const show = config.log.decisionsOnConsole ? (event: string): void => consoleEvent(event, log) : () => {}
  const decisions = createDecisionLog((event) => store.decisions.append(event), writer, show)
  const strangers = new Rate(config.limits.strangerRefusalsPerMinute, performance.now() as Milliseconds)
  const uncounted = new Tally(60_000 as Milliseconds, (count, last) =>
    log.warn({ count, last }, 'refusals of people not signed in that were only counted'),
  )
  return {
    route: (name) => findRoute(config.routes, name),
    evaluate: (input) => evaluate(active, 'ssh/decision', input),
    async reach(route, signal) {
      const known = await hostKeysOf(route)
      return reach(route, algorithmsFor(known), (shown) => checkHostKey(known, shown), config.limits, signal)
    },
    issue: (request, occasion) =>
      issue(request, { ...occasion, now: systemClock(), principals: 'login' }, config.certificate, authority),
    record: (record) => decisions.append(record),
    closed: () => ('fault' in active ? active.fault : undefined),
    roomForStranger(fault) {
      const room = strangers.take(performance.now() as Milliseconds)
      if (!room) uncounted.add(fault.code)
      return room
    },
  }
}

/** As OPA writes it to its console (docs: Decision Logs). */
function consoleEvent(event: string, log: Log): void {
  log.info({ type: 'openpolicyagent.org/decision_logs', ...(JSON.parse(event) as object) }, 'Decision Log')
}

/** Throws ConfigError for a file that cannot be used; later only the log says so. */
async function startRobots(config: Config, store: Store, undo: AsyncDisposableStack, log: Log): Promise<Robots> {
  const robots = new Robots()
  const { keys: path } = config.identity
  if (path === undefined) return robots
  const parts = { path, rsaBits: config.limits.rsaBits, logins: store.logins }
  undo.use(await followRobots(robots, parts, systemClock, log))
  return robots
}

function makeIdentity(config: Config, issuer: Issuer, robots: Robots, store: Store, log: Log) {
  const { identity, limits, gateway } = config
  const logins = new Logins(store.logins, identity.loginFrom, systemClock)
  const identities = new Identities(robots, logins, store.usernames, systemClock, log)
  const places = new Places({ total: limits.signIns, perSource: limits.signInsPerSource })
  const { signInsPerMinute: total, signInsPerMinutePerSource: perSource } = limits
  const rates = new Rates({ total, perSource }, performance.now() as Milliseconds)
  const { loginTtl, usernameClaims, groupsClaim } = identity
  const signIn = {
    issuer,
    identities,
    places,
    rates,
    claims: { usernameClaims, groupsClaim },
    loginTtl,
    gateway: gateway.name,
    clock: systemClock,
  }
  return { identities, signIn }
}

const nameRules = ({ loginCase, defaultRoute }: Config['gateway']) => ({
  loginCase,
  ...(defaultRoute === undefined ? {} : { defaultRoute }),
})

function connectionSettings({ gateway, limits }: Config): ConnectionParts['settings'] {
  const { identWait, grace, signInGrace, rsaBits, offers, attempts, channels, unanswered } = limits
  return {
    gateway: gateway.name,
    identWait,
    grace,
    signInGrace,
    authentication: { ...nameRules(gateway), rsaBits, offers, attempts },
    relay: { channels, unanswered },
  }
}

function makeApp(config: Config, authority: Authority, policies: Policies, store: Store, log: Log): FastifyInstance {
  return createApp({
    decisions: store.decisions,
    async authorize(input) {
      const { result } = await evaluate(policies.others, 'system/authz/allow', input)
      return result === true
    },
    readiness: async () => [
      { name: 'policy', ...('fault' in policies.admissions ? { code: policies.admissions.fault.code } : {}) },
      { name: 'store', ...(await faultOf(store.ping())) },
    ],
    caKeys: [authority.line],
    tokens: config.http.tokens,
    log,
  })
}

/** Logins that have ended are not found any more; now and then they are removed as well. */
function sweepLogins(store: Store, log: Log): Disposable {
  const sweep = (): void =>
    void store.logins
      .sweep(systemClock())
      .catch((fault: Error) => log.warn(faultFields(fault), 'ended logins were not removed'))
  const timer = setInterval(sweep, 3_600_000).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

async function faultOf(asked: Promise<unknown>): Promise<{ code?: ErrorCode }> {
  try {
    await asked
    return {}
  } catch (thrown) {
    return { code: asGatewayError(thrown, 'STORE_UNAVAILABLE', 'the store did not answer').code }
  }
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
