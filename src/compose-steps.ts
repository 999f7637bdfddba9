import type { Authority } from './certificate/authority.ts'
import { issue } from './certificate/issue.ts'
import { timed } from './compose-http.ts'
import type { Written } from './compose-log.ts'
import type { Config } from './config.ts'
import type { Commons } from './gateway/commons.ts'
import type { Steps } from './gateway/decide.ts'
import type { Epoch } from './gateway/epoch.ts'
import { findRoute, hostKeysOf } from './gateway/routes.ts'
import { Tally } from './gateway/tally.ts'
import { knownHostsReader } from './known-hosts.ts'
import type { Metrics } from './metrics.ts'
import { GatewayError } from './model/errors.ts'
import type { Log } from './model/log.ts'
import { type Milliseconds, systemClock } from './model/units.ts'
import type { Policies } from './policies.ts'
import { algorithmsFor, checkHostKey, type KnownHostKeys } from './ssh/host-keys.ts'
import { reach } from './ssh/target.ts'

export interface StepParts {
  /** As it is now: routes and limits may change. */
  readonly config: () => Config
  readonly authority: Authority
  readonly policies: Policies
  readonly written: Written
  readonly metrics: Metrics
  readonly epoch: Epoch
  readonly commons: Pick<Commons, 'roomForStranger'>
  readonly log: Log
}

/** What deciding and issuing take, each from the part that has it. */
export function composeSteps({ config, authority, policies, written, metrics, epoch, commons, log }: StepParts): Steps {
  const knownHosts = knownHostsReader(log)
  const uncounted = new Tally(60_000 as Milliseconds, (count, last) =>
    log.warn({ count, last }, 'refusals of people not signed in that were only counted'),
  )
  return {
    epoch: () => epoch.now,
    route: (name) => findRoute(config().routes, name),
    evaluate: (input) => timed(policies.admissions, 'ssh/decision', input, metrics),
    async reach(route, signal) {
      const known = (): KnownHostKeys => hostKeysOf(route, knownHosts)
      const check = (shown: Buffer): Buffer => checkHostKey(known(), shown, route.host, systemClock())
      return reach(route, algorithmsFor(known()), check, config().limits, signal)
    },
    issue: (request, occasion) => issue(request, { ...occasion, now: systemClock() }, config().certificate, authority),
    record: (record) => written.record(record),
    closed: () => ('fault' in policies.admissions ? policies.admissions.fault : undefined),
    full({ others, all }) {
      const { sessionsPerPerson, sessions: most } = config().limits
      if (others >= sessionsPerPerson) return new GatewayError('TOO_MANY_SESSIONS', `${others} sessions of one person`)
      // The one that asks is counted too.
      return all > most ? new GatewayError('TOO_MANY_SESSIONS', `${most} sessions in all`) : undefined
    },
    async roomForStranger(fault) {
      const room = await commons.roomForStranger()
      if (!room) uncounted.add(fault.code)
      return room
    },
  }
}
