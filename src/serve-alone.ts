import { flushCompileCache } from 'node:module'
import { createLog } from './logging.ts'
import type { Milliseconds } from './model/units.ts'
import type { ReadConfig } from './read-config.ts'
import { sayReady, stopSignal, stopWhenTold } from './signals.ts'
import { startGateway } from './start-gateway.ts'
import { alone } from './surroundings.ts'
import type { ThreadsAhead } from './threads-ahead.ts'

/** The whole gateway in this process. */
export async function serveAlone(read: ReadConfig, threads: ThreadsAhead): Promise<void> {
  const { config } = read
  const log = createLog(config)
  const { gateway, reloading } = await startGateway(read, threads, alone(), log)
  const stopped = stopSignal() // heard before `ready` is said: who waits for that may stop it at once
  process.on('SIGHUP', () => reloading.now())
  process.on('SIGUSR2', () =>
    log.warn({}, 'SIGUSR2 puts other workers in the place of those that run: it takes workers: 2 or more'),
  )
  sayReady(log, config, gateway)
  flushCompileCache() // now rather than at the end, which may come unforeseen

  await stopWhenTold(stopped, log, (now) => {
    reloading[Symbol.dispose]()
    return gateway.close(now ? (0 as Milliseconds) : config.gateway.shutdownGrace)
  })
}
