import { GatewayError } from '../model/errors.ts'
import type { HostKey } from '../ssh/host-key.ts'
import type { KnownHostKeys } from '../ssh/host-keys.ts'
import { type KnownHosts, keysIn } from '../ssh/known-hosts.ts'

/** A route as it stands in the configuration. */
export interface RouteSettings {
  /** A name, or a pattern such as `*.lab` whose `*` stands for one label. */
  readonly name: string
  /** A host name or address; `{name}` is what the `*` stood for. */
  readonly host: string
  readonly port: number
  readonly labels: Readonly<Record<string, string>>
  /** Whether a principal must be the login itself, or a role that the host maps to accounts. */
  readonly principals: 'login' | 'roles'
  /** Public keys by which the host is known. */
  readonly hostKeys: readonly HostKey[]
  /** Path of a known_hosts file that is looked into as well. */
  readonly knownHosts?: string
}

/** A route that was asked for by name. */
export interface Route {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly labels: Readonly<Record<string, string>>
  readonly principals: 'login' | 'roles'
  readonly settings: RouteSettings
}

/** The route of that name; of several patterns that fit, the longest. */
export function findRoute(routes: readonly RouteSettings[], name: string): Route | undefined {
  const exact = routes.find((route) => route.name === name && !route.name.includes('*'))
  if (exact !== undefined) return asRoute(exact, name, '')
  const patterns = routes
    .filter((route) => route.name.includes('*'))
    .toSorted((a, b) => b.name.length - a.name.length || (a.name < b.name ? -1 : 1))
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.name.split('*')
    const label = name.slice(before.length, name.length - after.length)
    if (name === `${before}${label}${after}` && /^[a-z0-9-]+$/.test(label)) return asRoute(pattern, name, label)
  }
  return undefined
}

function asRoute(settings: RouteSettings, name: string, label: string): Route {
  const { port, labels, principals } = settings
  return { name, host: settings.host.replaceAll('{name}', label), port, labels, principals, settings }
}

/** By what the route's host is known. Never trust on first use. Throws HOST_KEY_UNKNOWN. */
export function hostKeysOf({ host, port, settings }: Route, read: (path: string) => KnownHosts): KnownHostKeys {
  const { hostKeys, knownHosts: path } = settings
  if (path === undefined) return { keys: hostKeys, authorities: [], revoked: [] }
  try {
    const { keys, ...others } = keysIn(read(path), host, port)
    return { keys: [...hostKeys, ...keys], ...others }
  } catch (cause) {
    throw new GatewayError('HOST_KEY_UNKNOWN', `${path} cannot be used: ${(cause as Error).message}`, { cause })
  }
}
