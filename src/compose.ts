import type { Socket } from 'node:net'
import { canaries } from './canaries.ts'
import { HostCertificates } from './certificate/host-certificates.ts'
import { handedDoors, openDoors } from './compose-doors.ts'
import { composeHere } from './compose-here.ts'
import { composeHttp } from './compose-http.ts'
import { composeIdentity, composeRobots } from './compose-identity.ts'
import { composeLog } from './compose-log.ts'
import { composeSteps } from './compose-steps.ts'
import type { Config } from './config.ts'
import { restartNeeded, takenOver } from './config-changes.ts'
import type { ConnectionParts } from './gateway/connection.ts'
import { Epoch } from './gateway/epoch.ts'
import type { ListenerParts } from './gateway/listener.ts'
import { Sessions } from './gateway/sessions.ts'
import { Turns } from './gateway/turns.ts'
import type { LiveSessions } from './http/sessions.ts'
import { type Keys, loadKeys } from './keys.ts'
import { commonLimits } from './limits.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { GatewayError } from './model/errors.ts'
import { faultFields, type Log } from './model/log.ts'
import { type Milliseconds, parseHostName, systemClock } from './model/units.ts'
import { loadPolicies } from './policies.ts'
import { revokeLogin } from './revocation.ts'
import { createSshServer } from './ssh/server.ts'
import { openStore, type Store, type Writer } from './store/open.ts'
import { usualLimits } from './store/sqlite.ts'
import type { Surroundings } from './surroundings.ts'
import type { Door } from './workers/protocol.ts'

/** The gateway at work. */
export interface Gateway {
  /** 0 where connections are handed over. */
  readonly sshPort: number
  readonly httpPort: number
  /** Without one everyone is denied. */
  readonly hasPolicy: boolean
  /** Those of this process. */
  readonly sessions: Pick<Sessions, 'end' | 'list' | 'of'>
  readonly metrics: Pick<Metrics, 'told'>
  /** Another process wrote decisions down. */
  decidedElsewhere(): void
  /** Serves a connection that another process took, and of which nothing was read. */
  take(door: Door, socket: Socket): void
  /** Ends what is idle, and resolves when nothing is carried any more. */
  drain(): Promise<void>
  /** Reads the policy's bundle anew. Throws for one that cannot be put in force: the last good one stays. */
  reloadPolicy(): Promise<void>
  /** Routes, limits and tokens as they are from now on. Answers which other sections differ: they take a restart. */
  reconfigure(config: Config): string[]
  /** Live sessions get so long to end; then the store is closed. */
  close(grace: Milliseconds): Promise<void>
}

/** Builds every part once and puts them together. The one place that knows them all. */
export async function compose(first: Config, around: Surroundings, log: Log): Promise<Gateway> {
  await using undo = new AsyncDisposableStack()
  let config = first
  const now = (): Config => config
  const keys = loadKeys(config)
  const { authority } = keys
  const store = undo.use(await openStore(config.store, usualLimits, sessionWriter(config, around, log)))
  await store.sessions.abandon(systemClock(), around.gone)
  undo.use(sweepLogins(store, log))
  const policies = undo.use(await loadPolicies(config.policy, canaries(config.routes)))
  if ('fault' in policies.admissions) log.error(faultFields(policies.admissions.fault), 'no policy: everyone is denied')
  await authority.probe().catch((fault) => log.error(faultFields(fault), 'no signer: everyone is denied'))
  const commons = around.commons(() => commonLimits(config.limits))
  const sessions = new Sessions(commons)
  const everywhere = around.everywhere(sessions)
  const epoch = new Epoch()
  const live: LiveSessions = {
    list: () => everywhere.list(),
    cut: async (sessionId) => (await everywhere.end(byOperator, { sessionId })) > 0,
  }
  const metrics = createMetrics({
    live: () => sessions.list().map(({ bytes }) => bytes),
    restarts: () => policies.restarts,
  })
  const robots = undo.use(
    await composeRobots(config, store, log, (keys) => {
      epoch.advance()
      sessions.end(keyChanged, ({ identity }) => identity.kind === 'robot' && keys.has(identity.subject))
    }),
  )
  const written = composeLog(config, store, metrics, around.decided, log)
  const steps = composeSteps({ config: now, authority, policies, written, metrics, epoch, commons, log })
  const parts: ListenerParts = {
    ssh: createSshServer({
      hostKeys: keys.hostKeys,
      keyExchange: config.gateway.keyExchange,
      limits: () => now().limits,
    }),
    hostCertificates: composeHostCertificates(config, keys, log),
    steps,
    sessions,
    epoch,
    turns: new Turns(renewalsAtOnce),
    history: store.sessions,
    here: composeHere({ config: now, policies, store, everywhere, metrics }),
    ...composeIdentity(config, commons, robots, store, metrics, log),
    measures: metrics,
    commons,
    announcingMost: () => now().limits.unauthenticated,
    proxies: config.gateway.proxyProtocolFrom,
    get settings() {
      return connectionSettings(config)
    },
    clock: systemClock,
    log,
  }
  const tokens = { list: () => config.http.tokens, onChange: (changed: () => void) => void rightsChanged.push(changed) }
  const rightsChanged: (() => void)[] = []
  const app = composeHttp({
    config,
    keys,
    policies,
    store,
    written,
    metrics,
    metricsText: () => around.metricsText(metrics),
    live,
    revoke: (id) => revokeLogin(id, { logins: store.logins, everywhere }),
    tokens,
    log,
  })
  undo.defer(() => app.close())
  const opened = around.listens ? await openDoors(config, app, parts) : await handedDoors(app, parts)
  const running = undo.move()
  return {
    ...opened,
    get hasPolicy() {
      return !('fault' in policies.admissions)
    },
    sessions,
    metrics,
    decidedElsewhere: () => written.decidedElsewhere(),
    async drain() {
      for (const changed of rightsChanged) changed() // who reads along comes again, elsewhere
      await opened.drain()
    },
    async reloadPolicy() {
      await policies.reload(config.policy, canaries(config.routes))
      epoch.advance()
      for (const changed of rightsChanged) changed() // who reads along may have lost the right to
    },
    reconfigure(next) {
      const others = restartNeeded(config, next)
      config = takenOver(config, next)
      epoch.advance()
      for (const changed of rightsChanged) changed()
      return others
    },
    async close(grace) {
      await opened.close(grace)
      await running.disposeAsync()
    },
  }
}

/** Sessions that ask the policy again at the same time: an admission waits behind no more than these. */
const renewalsAtOnce = 32
const byOperator = new GatewayError('SESSION_ENDED', 'an operator ended the session')
const keyChanged = new GatewayError(
  'LOGIN_REVOKED',
  'the robot’s line in the file of keys is gone, or says something else',
)

/** Nobody is shut out when one cannot be signed: clients then see the plain key. */
function composeHostCertificates({ gateway }: Config, { host }: Keys, log: Log): ConnectionParts['hostCertificates'] {
  if (host === undefined) return { ofGateway: async () => undefined, of: async () => undefined }
  const certificates = new HostCertificates({
    authority: host.authority,
    hostKey: host.key,
    gateway: gateway.name,
    clock: systemClock,
    failed: (fault) => log.error(faultFields(fault), 'no host certificate: clients see the plain host key'),
  })
  const [first, ...others] = gateway.hostNames
  return {
    ofGateway: async () => (first === undefined ? undefined : certificates.of([first, ...others])),
    of: (name) => certificates.of([parseHostName(name)]),
  }
}

const nameRules = ({ loginCase, defaultRoute }: Config['gateway']) => ({
  loginCase,
  ...(defaultRoute === undefined ? {} : { defaultRoute }),
})

function connectionSettings({ gateway, limits }: Config): ConnectionParts['settings'] {
  const { identWait, grace, signInGrace, rsaBits, offers, attempts, channels, unanswered, jumps, menuIdle } = limits
  return {
    gateway: gateway.name,
    identWait,
    grace,
    signInGrace,
    visitIdle: menuIdle,
    jumps,
    loginCase: gateway.loginCase,
    authentication: { ...nameRules(gateway), rsaBits, offers, attempts },
    relay: { channels, unanswered },
  }
}

const sessionWriter = (config: Config, { run, worker }: Surroundings, log: Log): Writer => ({
  run,
  worker,
  gateway: config.gateway.name,
  lost: (count, fault) => log.error({ count, ...faultFields(fault) }, 'events of sessions were not written down'),
})

/** Logins that have ended are not found any more; now and then they are removed as well. */
function sweepLogins(store: Store, log: Log): Disposable {
  const sweep = (): void =>
    void store.logins
      .sweep(systemClock())
      .catch((fault: Error) => log.warn(faultFields(fault), 'ended logins were not removed'))
  const timer = setInterval(sweep, 3_600_000).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
