import { randomUUID } from 'node:crypto'
import { type CommonLimits, type Commons, OwnCommons, ownCommons } from './gateway/commons.ts'
import { type Everywhere, onlyHere } from './gateway/everywhere.ts'
import type { Sessions } from './gateway/sessions.ts'
import { type Metrics, sumOfMetrics } from './metrics.ts'
import type { Milliseconds } from './model/units.ts'
import type { Carrier } from './store/sessions.ts'
import { remoteCommons, remoteEverywhere, type ToSupervisor } from './workers/remote.ts'

/** What a gateway has of other processes, and they of it. */
export interface Surroundings extends Pick<Carrier, 'run' | 'worker'> {
  /** Workers of this run that are gone. */
  readonly gone: readonly number[]
  /** Or connections are handed over. */
  readonly listens: boolean
  /** `limits` are as they are now in this process. */
  commons(limits: () => CommonLimits): Commons
  everywhere(sessions: Sessions): Everywhere
  metricsText(own: Metrics): Promise<string>
  /** A decision was written down. */
  decided(): void
}

/** The only process. */
export const alone = (): Surroundings => ({
  run: randomUUID(),
  worker: 0,
  gone: [],
  listens: true,
  commons: (limits) => ownCommons(new OwnCommons(limits)),
  everywhere: onlyHere,
  metricsText: (own) => own.text(),
  decided() {},
})

/** Milliseconds in which decisions are told of once: a reader looks at the store then, and finds them all. */
const newsEvery = 20 as Milliseconds

/** One of several. */
export function amongOthers(
  supervisor: ToSupervisor,
  { run, worker, gone }: Pick<Surroundings, 'run' | 'worker' | 'gone'>,
): Surroundings {
  let isTold = true
  return {
    run,
    worker,
    gone,
    listens: false,
    commons: () => remoteCommons(supervisor),
    everywhere: () => remoteEverywhere(supervisor),
    metricsText: async () => sumOfMetrics(await supervisor.ask('metrics', undefined)),
    decided() {
      if (!isTold) return
      isTold = false
      setTimeout(() => {
        isTold = true
        supervisor.say('decided', undefined)
      }, newsEvery)
    },
  }
}
