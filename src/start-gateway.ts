import { compose, type Gateway } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { toldToOwner } from './gateway/containment.ts'
import type { ProcessLog } from './logging.ts'
import { faultFields } from './model/log.ts'
import { type Reloading, reloadOnChange, type Seen } from './reload.ts'
import { nativeCiphers } from './ssh/ssh2.ts'
import type { Surroundings } from './surroundings.ts'
import { identityOf } from './watch.ts'

/** A configuration, and what its files were before they were read. */
export interface ReadConfig {
  readonly file: string
  readonly config: Config
  readonly seen: Seen
}

/** Throws as readConfig does. */
export function readWithTraces(file: string): ReadConfig {
  const seenConfig = identityOf(file)
  const config = readConfig(file, process.env)
  return { file, config, seen: { config: seenConfig, bundle: identityOf(config.policy.bundle) } }
}

export interface Running {
  readonly gateway: Gateway
  readonly reloading: Reloading
}

/** What is in force from now on. */
export interface Taken {
  reconfigured(config: Config): void
  /** Another bundle. */
  repolicied(): void
}

/** The gateway at work in this process, following its files. */
export async function startGateway(
  { file, config, seen }: ReadConfig,
  around: Surroundings,
  log: ProcessLog,
  taken: Taken = { reconfigured() {}, repolicied() {} },
): Promise<Running> {
  // A session keeps a few small buffers to its end. Each would keep all of the 64 KiB that Node.js cuts such buffers from.
  Buffer.poolSize = 1_024
  // A fault that no connection owns: nothing that follows it could be trusted. (Rejections that nobody hears come here too.)
  process.on('uncaughtException', (fault) => {
    if (toldToOwner(fault)) return
    log.fatal(faultFields(fault), 'the gateway met a fault of its own')
    process.exit(1)
  })
  const gateway = await compose(config, around, log)
  if (!nativeCiphers)
    log.warn({}, 'ssh2’s native addon is missing, or not safe to load: the gateway runs at less than half of its speed')
  const followed = {
    async reloadPolicy() {
      await gateway.reloadPolicy()
      taken.repolicied()
    },
    reconfigure(next: Config) {
      const others = gateway.reconfigure(next)
      taken.reconfigured(next)
      return others
    },
  }
  return { gateway, reloading: reloadOnChange(file, config, followed, seen, log) }
}
