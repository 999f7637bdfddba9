import { once } from 'node:events'
import type { Config } from './config.ts'
import type { Log } from './model/log.ts'
import { version } from './project.ts'

/** The next SIGTERM or SIGINT. */
export async function stopSignal(): Promise<NodeJS.Signals> {
  const heard = new AbortController()
  const listen = (name: NodeJS.Signals) => once(process, name, { signal: heard.signal }).then(() => name)
  const signals = [listen('SIGTERM'), listen('SIGINT')]
  for (const signal of signals) signal.catch(() => {}) // the other one
  const name = await Promise.race(signals)
  heard.abort()
  return name
}

/** Stops once it is told to, and at once (`now`: without waiting for live sessions) when it is told so again. */
export async function stopWhenTold(
  stopped: Promise<NodeJS.Signals>,
  log: Log,
  stop: (now: boolean) => Promise<void>,
): Promise<void> {
  const signal = await stopped
  const impatience = stopSignal()
  log.info({ signal }, 'stopping')
  const atOnce = impatience.then(() => stop(true))
  await Promise.race([stop(false), atOnce])
  log.info({}, 'stopped')
}

/** What whoever starts a gateway waits for: connections are taken, and signals are heard. */
export function sayReady(
  log: Log,
  { gateway, http }: Pick<Config, 'gateway' | 'http'>,
  { sshPort, httpPort }: { readonly sshPort: number; readonly httpPort: number },
): void {
  log.info({ version, ssh: `${gateway.listen.host}:${sshPort}`, http: `${http.listen.host}:${httpPort}` }, 'ready')
}
