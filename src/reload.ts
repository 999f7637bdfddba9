import type { Gateway } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { ConfigError } from './config-error.ts'
import { asGatewayError } from './model/errors.ts'
import { faultFields, type Log } from './model/log.ts'
import { type FileIdentity, watchFile } from './watch.ts'

/** The files as they were before they were read. */
export interface Seen {
  readonly config: FileIdentity
  readonly bundle: FileIdentity
}

/** Lines for what is wrong with a configuration. */
const problemsMost = 20

export interface Reloading extends Disposable {
  /** Reads both again, as if they had changed. */
  now(): void
}

/**
 * Takes over a changed bundle, and routes, limits and tokens of a changed configuration, by themselves and on demand. What
 * cannot be used changes nothing, and the log says so. One at a time, in the order of their coming.
 */
export function reloadOnChange(
  file: string,
  config: Config,
  gateway: Pick<Gateway, 'reloadPolicy' | 'reconfigure'>,
  seen: Seen,
  log: Log,
): Reloading {
  let last = Promise.resolve()
  const inTurn = (what: string, act: () => Promise<void> | void) => (): void => {
    last = last.then(act).catch((thrown: unknown) => {
      const fault = asGatewayError(thrown, 'CONFIG_INVALID', (thrown as Error).message)
      if (fault instanceof ConfigError)
        for (const { where, message } of fault.problems.slice(0, problemsMost)) log.error({ where }, message)
      log.error(faultFields(fault), `${what} is unusable: nothing has changed`)
    })
  }
  const policy = inTurn('the bundle', async () => {
    await gateway.reloadPolicy()
    log.info({}, 'another bundle is in force')
  })
  const settings = inTurn('the configuration', () => {
    const restart = gateway.reconfigure(readConfig(file, process.env))
    log.info(
      restart.length === 0 ? {} : { restart },
      'routes, limits and tokens are as they stand in the configuration',
    )
    if (restart.length > 0) log.warn({ restart }, 'other changes of the configuration take a restart')
  })
  const watch = (path: string, what: string, changed: () => void, seen: FileIdentity): Disposable => {
    const lost = (): void => log.error({ path }, `${what} is not there any more: what was read of it stays`)
    return watchFile(path, config.policy.poll, changed, lost, seen)
  }
  const watchers = [
    watch(config.policy.bundle, 'the bundle', policy, seen.bundle),
    watch(file, 'the configuration', settings, seen.config),
  ]
  return {
    now() {
      settings()
      policy()
    },
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher[Symbol.dispose]()
    },
  }
}
