import { once } from 'node:events'
import pino from 'pino'
import { compose } from '../compose.ts'
import { readConfig } from '../config.ts'
import { toldToOwner } from '../gateway/containment.ts'
import { faultFields } from '../model/log.ts'
import type { Milliseconds } from '../model/units.ts'
import { version } from '../project.ts'
import { reloadOnChange } from '../reload.ts'
import { nativeCiphers } from '../ssh/ssh2.ts'
import { identityOf } from '../watch.ts'

/** Runs the gateway until SIGTERM or SIGINT; a second one does not wait for live sessions. */
export async function serve(file: string): Promise<void> {
  // A session keeps a few small buffers to its end. Each would keep all of the 64 KiB that Node.js cuts such buffers from.
  Buffer.poolSize = 1_024
  const seenConfig = identityOf(file)
  const config = readConfig(file, process.env)
  const seen = { config: seenConfig, bundle: identityOf(config.policy.bundle) }
  const log = pino({ level: config.log.level, base: { gateway: config.gateway.name } }, lines())
  // A fault that no connection owns: nothing that follows it could be trusted. (Rejections that nobody hears come here too.)
  process.on('uncaughtException', (fault) => {
    if (toldToOwner(fault)) return
    log.fatal(faultFields(fault), 'the gateway met a fault of its own')
    process.exit(1)
  })
  const gateway = await compose(config, log)
  if (!nativeCiphers)
    log.warn({}, 'ssh2’s native addon is missing, or not safe to load: the gateway runs at less than half of its speed')
  const { sshPort, httpPort } = gateway
  const stopped = stopSignal() // heard before `ready` is said: who waits for that may stop it at once
  const reloading = reloadOnChange(file, config, gateway, seen, log)
  log.info(
    { version, ssh: `${config.gateway.listen.host}:${sshPort}`, http: `${config.http.listen.host}:${httpPort}` },
    'ready',
  )

  const signal = await stopped
  reloading[Symbol.dispose]()
  const impatience = stopSignal()
  log.info({ signal }, 'stopping')
  const atOnce = impatience.then(() => gateway.close(0 as Milliseconds))
  await Promise.race([gateway.close(config.gateway.shutdownGrace), atOnce])
  log.info({}, 'stopped')
  process.exit(0)
}

/**
 * Lines go out beside the work: who reads them slowly holds up nobody, and many that come at once take one write. Beyond
 * this many characters that wait, more are dropped (the decision log is elsewhere). At the end all are written first.
 */
const lines = () => pino.destination({ dest: 1, sync: false, maxLength: 16 * 1024 * 1024 })

async function stopSignal(): Promise<NodeJS.Signals> {
  const heard = new AbortController()
  const listen = (name: NodeJS.Signals) => once(process, name, { signal: heard.signal }).then(() => name)
  const signals = [listen('SIGTERM'), listen('SIGINT')]
  for (const signal of signals) signal.catch(() => {}) // the other one
  const name = await Promise.race(signals)
  heard.abort()
  return name
}
