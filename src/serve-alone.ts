import { createLog } from './logging.ts'
import type { Milliseconds } from './model/units.ts'
import { sayReady, stopSignal } from './signals.ts'
import { readWithTraces, startGateway } from './start-gateway.ts'
import { alone } from './surroundings.ts'

/** The whole gateway in this process. */
export async function serveAlone(file: string): Promise<void> {
  const read = readWithTraces(file)
  const { config } = read
  const log = createLog(config)
  const { gateway, reloading } = await startGateway(read, alone(), log)
  const stopped = stopSignal() // heard before `ready` is said: who waits for that may stop it at once
  process.on('SIGHUP', () => reloading.now())
  process.on('SIGUSR2', () =>
    log.warn({}, 'SIGUSR2 puts other workers in the place of those that run: it takes workers: 2 or more'),
  )
  sayReady(log, config, gateway)

  const signal = await stopped
  reloading[Symbol.dispose]()
  const impatience = stopSignal()
  log.info({ signal }, 'stopping')
  const atOnce = impatience.then(() => gateway.close(0 as Milliseconds))
  await Promise.race([gateway.close(config.gateway.shutdownGrace), atOnce])
  log.info({}, 'stopped')
}
