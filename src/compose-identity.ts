import type { Config } from './config.ts'
import type { Measures } from './gateway/measures.ts'
import { Places } from './gateway/places.ts'
import { Rates } from './gateway/rates.ts'
import { Identities } from './identity/identities.ts'
import { createIssuer } from './identity/issuer.ts'
import { Logins } from './identity/logins.ts'
import { Robots } from './identity/robots.ts'
import { limitsOf } from './limits.ts'
import type { Log } from './model/log.ts'
import { type Milliseconds, systemClock } from './model/units.ts'
import { followRobots } from './robots.ts'
import type { Store } from './store/open.ts'

/** The robots of the file that the configuration names, now and as it changes; without one there are none. */
export interface FollowedRobots extends AsyncDisposable {
  readonly robots: Robots
}

/**
 * Throws ConfigError for a file that cannot be used; later only the log says so. `gone` is told of the keys whose robots
 * are not what they were.
 */
export async function composeRobots(
  config: Config,
  store: Store,
  log: Log,
  gone: (keys: ReadonlySet<string>) => void,
): Promise<FollowedRobots> {
  const robots = new Robots()
  const { keys: path } = config.identity
  if (path === undefined) return { robots, [Symbol.asyncDispose]: async () => {} }
  const parts = { path, rsaBits: config.limits.rsaBits, logins: store.logins, gone }
  const following = await followRobots(robots, parts, systemClock, log)
  return { robots, [Symbol.asyncDispose]: () => following[Symbol.asyncDispose]() }
}

/** What the gateway asks who somebody is. Of `now` the limits may change while it runs. */
export function composeIdentity(
  now: () => Config,
  { robots }: FollowedRobots,
  store: Store,
  measures: Measures,
  log: Log,
) {
  const { identity, gateway } = now()
  const logins = new Logins(store.logins, identity.loginFrom, systemClock)
  const identities = new Identities(robots, logins, store.usernames, systemClock, log)
  const places = new Places(limitsOf(now, 'signIns', 'signInsPerSource'))
  const perMinute = limitsOf(now, 'signInsPerMinute', 'signInsPerMinutePerSource')
  const rates = new Rates(perMinute, performance.now() as Milliseconds)
  const { loginTtl, usernameClaims, groupsClaim } = identity
  const signIn = {
    issuer: createIssuer(identity),
    identities,
    places,
    rates,
    claims: { usernameClaims, groupsClaim },
    loginTtl,
    gateway: gateway.name,
    clock: systemClock,
    measures,
  }
  return { identities, signIn }
}
