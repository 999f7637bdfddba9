import { readFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { SourceAddressRule } from './certificate/issue.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { type Located, readYaml } from './config-file.ts'
import { type Limits, readLimits } from './config-limits.ts'
import { configSchema, type WrittenConfig } from './config-schema.ts'
import { duration, type Problem, readCidrs } from './config-values.ts'
import { findRoute, type RouteSettings } from './gateway/routes.ts'
import { isTrustworthy } from './identity/trustworthy.ts'
import type { Cidr, Nearness } from './model/address.ts'
import { type Fingerprint, type HostName, type Milliseconds, parseHostName } from './model/units.ts'
import { parseHostKey } from './ssh/host-key.ts'

/** The whole configuration, checked, with defaults filled in and paths made absolute. Lengths of time in milliseconds. */
export interface Config {
  readonly gateway: {
    readonly name: string
    readonly listen: HostAndPort
    readonly hostKeys: readonly string[]
    /** By which clients connect, for a host certificate. */
    readonly hostNames: readonly HostName[]
    /** Where a login without a route leads. */
    readonly defaultRoute?: string
    /** `post-quantum`: clients that have none are turned away. */
    readonly keyExchange: 'any' | 'post-quantum'
    readonly loginCase: 'lower' | 'any'
    readonly shutdownGrace: Milliseconds
    /** Whose connections begin with a header of the PROXY protocol. */
    readonly proxyProtocolFrom: readonly Cidr[]
  }
  readonly http: { readonly listen: HostAndPort; readonly tokens: readonly Token[] }
  readonly ca: {
    readonly key: CaKeyPlace
    /** Files of public keys that hosts are to trust besides: the last one, the next one. */
    readonly alsoTrusted: readonly string[]
    /** Signs host certificates for the gateway's own host key; absent: clients know the key itself. */
    readonly hostKey?: CaKeyPlace
    /** The same of the host CA, for clients. */
    readonly hostAlsoTrusted: readonly string[]
  }
  readonly certificate: { /** Seconds. */ readonly maxTtl: number; readonly sourceAddress: SourceAddressRule }
  readonly policy: {
    readonly bundle: string
    readonly deadline: Milliseconds
    /** How often the bundle and the configuration are looked at, should the file system not tell of a change. */
    readonly poll: Milliseconds
    /** Of 64 KiB. */
    readonly memoryPages: number
    readonly workers: number
  }
  readonly identity: {
    readonly issuer: URL
    readonly clientId: string
    readonly clientSecret?: string
    readonly scopes: readonly string[]
    readonly usernameClaims: readonly string[]
    readonly groupsClaim: string
    /** The file of robots' keys. */
    readonly keys?: string
    readonly loginTtl: Milliseconds
    readonly loginFrom: Nearness
  }
  /** Processes that share the work; of one there is no supervisor. */
  readonly workers: number
  /** `sqlite:` and an absolute path. */
  readonly store: string
  readonly log: { readonly level: string; readonly decisionsOnConsole: boolean }
  readonly limits: Limits
  readonly routes: readonly RouteSettings[]
}
/** A private key file, or a key in an ssh-agent by its fingerprint. */
export type CaKeyPlace = { readonly file: string } | { readonly agent: string; readonly fingerprint: Fingerprint }
export interface HostAndPort {
  readonly host: string
  readonly port: number
}
export interface Token {
  readonly name: string
  readonly sha256: string
  readonly groups: readonly string[]
}
/** Reads `regate.yaml`. Throws ConfigError with all that is wrong with it, or the error of a file that cannot be read. */
export function readConfig(file: string, env: NodeJS.ProcessEnv): Config {
  const yaml = readYaml(file, readFileSync(file, 'utf8'), env, configSchema)
  if (yaml.problems.length > 0) throw new ConfigError(yaml.problems)
  const problems: ConfigProblem[] = []
  const config = build(yaml as Located<WrittenConfig>, dirname(resolve(file)), problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function build(yaml: Located<WrittenConfig>, folder: string, problems: ConfigProblem[]): Config {
  const { gateway, http, ca, certificate, policy, identity, log, limits = {} } = yaml.value
  const at = (path: string): string => resolve(folder, path)
  const problem = (pointer: string, message: string): void => void problems.push(yaml.problem(pointer, message))
  const routes = readRoutes(yaml.value.routes, at, problem)
  return {
    gateway: {
      name:
        gateway.name ??
        hostname()
          .replace(/[^A-Za-z0-9.-]/g, '-')
          .slice(0, 63),
      listen: readAddress(gateway.listen ?? '0.0.0.0:2222'),
      hostKeys: gateway.host_keys.map(at),
      hostNames: readHostNames(gateway.host_names ?? [], ca, problem),
      ...readDefaultRoute(gateway.default_route, routes, problem),
      keyExchange: gateway.key_exchange ?? 'any',
      loginCase: gateway.login_case ?? 'lower',
      shutdownGrace: duration(gateway.shutdown_grace, '30s'),
      proxyProtocolFrom: readCidrs(gateway.proxy_protocol_from ?? [], '/gateway/proxy_protocol_from', problem),
    },
    http: { listen: readAddress(http?.listen ?? usualHttp), tokens: http?.tokens ?? [] },
    ca: {
      key: readCaKeyPlace('/ca/key', ca.key, at, problem),
      alsoTrusted: (ca.also_trusted ?? []).map(at),
      ...(ca.host_key === undefined ? {} : { hostKey: readCaKeyPlace('/ca/host_key', ca.host_key, at, problem) }),
      hostAlsoTrusted: (ca.host_also_trusted ?? []).map(at),
    },
    certificate: {
      maxTtl: certificate?.max_ttl ?? 300,
      sourceAddress: readSourceAddress(certificate?.source_address ?? 'auto', problem),
    },
    policy: {
      bundle: at(policy.bundle),
      deadline: duration(policy.deadline, '50ms'),
      poll: duration(policy.poll, '5s'),
      memoryPages: Number.parseInt(policy.memory ?? '64MiB', 10) * 16,
      workers: policy.workers ?? 1,
    },
    identity: {
      issuer: readIssuer(identity.issuer, problem),
      clientId: identity.client_id,
      ...readSecret(identity, at, problem),
      scopes: identity.scopes ?? ['openid', 'email', 'groups'],
      usernameClaims: [identity.username_claim ?? ['preferred_username', 'email']].flat(),
      groupsClaim: identity.groups_claim ?? 'groups',
      ...(identity.keys === undefined ? {} : { keys: at(identity.keys) }),
      loginTtl: duration(identity.login_ttl, '8h'),
      loginFrom: identity.login_from ?? 'prefix',
    },
    workers: yaml.value.workers ?? Math.min(availableParallelism(), usualWorkersMost),
    store: `sqlite:${at((yaml.value.store ?? 'sqlite:regate.db').slice('sqlite:'.length))}`,
    log: { level: log?.level ?? 'info', decisionsOnConsole: log?.decisions?.console ?? false },
    limits: readLimits(limits, problem),
    routes,
  }
}

/** More are to be asked for: each one takes memory, and connections to the store. */
const usualWorkersMost = 16

/** `http.listen` when it is not set. */
export const usualHttp = '127.0.0.1:8022'

/** Its shape was checked: `127.0.0.1:8022`, `[::]:8022`. */
export function readAddress(text: string): HostAndPort {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}

function readDefaultRoute(name: string | undefined, routes: readonly RouteSettings[], problem: Problem) {
  if (name === undefined) return {}
  if (findRoute(routes, name) === undefined) problem('/gateway/default_route', `no route is called ${name}`)
  return { defaultRoute: name }
}

function readHostNames(names: readonly string[], ca: WrittenConfig['ca'], problem: Problem): HostName[] {
  if (names.length > 0 && ca.host_key === undefined)
    problem('/gateway/host_names', 'stand in host certificates, which take a ca.host_key')
  return names.map(parseHostName)
}

function readCaKeyPlace(pointer: string, text: string, at: (path: string) => string, problem: Problem): CaKeyPlace {
  if (!text.startsWith('agent:')) return { file: at(text) }
  const [, path, fingerprint] = /^agent:([^#]+)#(SHA256:[A-Za-z0-9+/]{43})$/.exec(text) ?? []
  if (path !== undefined) return { agent: at(path), fingerprint: fingerprint as Fingerprint }
  problem(pointer, 'an agent is written agent:/path/to.sock#SHA256:…, with the fingerprint that ssh-add -l shows')
  return { file: at(text) }
}

function readSourceAddress(written: 'auto' | 'off' | string[], problem: Problem): SourceAddressRule {
  if (typeof written === 'string') return written
  return readCidrs(written, '/certificate/source_address', problem)
}

function readIssuer(text: string, problem: Problem): URL {
  const url = URL.parse(text)
  if (url === null) problem('/identity/issuer', 'is no URL')
  else if (!isTrustworthy(url)) problem('/identity/issuer', 'must be https; http is taken for loopback addresses only')
  return url ?? new URL('https://invalid.invalid')
}

function readSecret(identity: WrittenConfig['identity'], at: (path: string) => string, problem: Problem) {
  const { client_secret: secret, client_secret_file: file } = identity
  if (secret !== undefined && file !== undefined)
    problem('/identity/client_secret', 'stands beside client_secret_file: keep one')
  if (file === undefined) return secret === undefined ? {} : { clientSecret: secret }
  try {
    return { clientSecret: readFileSync(at(file), 'utf8').trim() }
  } catch (error) {
    problem('/identity/client_secret_file', (error as Error).message)
    return {}
  }
}

function readRoutes(written: WrittenConfig['routes'], at: (path: string) => string, problem: Problem): RouteSettings[] {
  return written.map((route, index) => {
    const pointer = `/routes/${index}`
    if (written.findIndex(({ name }) => name === route.name) !== index)
      problem(`${pointer}/name`, `${route.name} stands there twice`)
    if (route.host.includes('{name}') && !route.name.includes('*'))
      problem(`${pointer}/host`, '{name} needs a * in the name')
    if (route.host_keys === undefined && route.known_hosts === undefined)
      problem(pointer, 'needs host_keys or known_hosts: a target whose host key is not known is not gone to')
    const hostKeys = (route.host_keys ?? []).flatMap((text, number) =>
      readHostKey(text, `${pointer}/host_keys/${number}`, problem),
    )
    const { name, host, port = 22, labels = {}, principals = 'login' } = route
    const knownHosts = route.known_hosts === undefined ? {} : { knownHosts: at(route.known_hosts) }
    return { name, host, port, labels: labels as Record<string, string>, principals, hostKeys, ...knownHosts }
  })
}

function readHostKey(text: string, pointer: string, problem: Problem) {
  try {
    return [parseHostKey(text)]
  } catch (error) {
    problem(pointer, (error as Error).message)
    return []
  }
}
