import { timed } from './compose-http.ts'
import type { Config } from './config.ts'
import type { Everywhere } from './gateway/everywhere.ts'
import { Turns } from './gateway/turns.ts'
import type { Here } from './gateway/visit/here.ts'
import type { Metrics } from './metrics.ts'
import type { Policies } from './policies.ts'
import { revokeLogin } from './revocation.ts'
import type { Store } from './store/open.ts'

export interface HereSources {
  /** As it is now: routes may change. */
  readonly config: () => Config
  readonly policies: Policies
  readonly store: Store
  readonly everywhere: Everywhere
  readonly metrics: Metrics
}

/** Listings of routes that are made at the same time: the pool of dry runs has other work too. */
const listingsAtOnce = 2

/** What is told to people whose connection ends at the gateway. */
export function composeHere({ config, policies, store, everywhere, metrics }: HereSources): Here {
  return {
    routeNames: () => config().routes.flatMap(({ name }) => (name.includes('*') ? [] : [name])),
    entrypoints: () => policies.entrypoints,
    tryOut: async (entrypoint, input) => timed(await policies.dryRuns(), entrypoint, input, metrics),
    listings: new Turns(listingsAtOnce),
    async decision(id) {
      const event = await store.decisions.find(id)
      return event === undefined ? undefined : Buffer.from(event).toString('utf8')
    },
    sessionsOf: (identity) => everywhere.of(identity),
    async revoke(id) {
      return await revokeLogin(id, { logins: store.logins, everywhere }, 'the person logged out')
    },
  }
}
