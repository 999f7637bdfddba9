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

/** What whoever starts a gateway waits for: connections are taken, and signals are heard. */
export function sayReady(
  log: Log,
  { gateway, http }: Pick<Config, 'gateway' | 'http'>,
  { sshPort, httpPort }: { readonly sshPort: number; readonly httpPort: number },
): void {
  log.info({ version, ssh: `${gateway.listen.host}:${sshPort}`, http: `${http.listen.host}:${httpPort}` }, 'ready')
}
