import type { Config } from './config.ts'
import type { Commons } from './gateway/commons.ts'
import type { Measures } from './gateway/measures.ts'
import { Identities } from './identity/identities.ts'
import { createIssuer } from './identity/issuer.ts'
import { Logins } from './identity/logins.ts'
import { Robots } from './identity/robots.ts'
import type { Log } from './model/log.ts'
import { systemClock } from './model/units.ts'
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

/** What the gateway asks who somebody is. */
export function composeIdentity(
  { identity, gateway }: Config,
  commons: Commons,
  { robots }: FollowedRobots,
  store: Store,
  measures: Measures,
  log: Log,
) {
  const logins = new Logins(store.logins, identity.loginFrom, systemClock)
  const identities = new Identities(robots, logins, store.usernames, systemClock, log)
  const { loginTtl, usernameClaims, groupsClaim } = identity
  const signIn = {
    issuer: createIssuer(identity),
    identities,
    commons,
    claims: { usernameClaims, groupsClaim },
    loginTtl,
    gateway: gateway.name,
    clock: systemClock,
    measures,
  }
  return { identities, signIn }
}
