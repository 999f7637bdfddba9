import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { newKey } from '../../src/certificate/new-key.ts'
import type { CertificateRequest } from '../../src/model/certificate.ts'
import { type LyingIssuer, startLyingIssuer } from './lying-issuer.ts'
import { buildPolicy } from './policy.ts'
import { type Finished, type Running, run, start, upBy, within } from './process.ts'
import { type Sshd, startSshd } from './sshd.ts'
import { makeWorkspace, type Workspace } from './workspace.ts'

/** Gateway, identity provider and target, all real, on 127.0.0.1. */
export interface World extends AsyncDisposable {
  readonly workspace: Workspace
  readonly issuer: LyingIssuer
  readonly sshd: Sshd
  readonly gateway: GatewayProcess
  /** Runs stock ssh towards the gateway with alice's key; the code, if one is shown, is approved as `who`. */
  ssh(route: string, args?: readonly string[], options?: SshOptions): Promise<Finished>
  /** The options of that ssh, for scp, rsync and the like. */
  readonly config: string
  events(): Promise<DecisionEvent[]>
}
export interface GatewayProcess extends Running {
  readonly sshPort: number
  readonly httpPort: number
}
export interface SshOptions {
  /** Who the code is approved as: alice. */
  readonly who?: string
  /** What is done with the code instead. */
  readonly onCode?: (code: string) => Promise<void>
  /** A file in the workspace. */
  readonly key?: string
  readonly login?: string
  /** The whole user name, in place of login@route. */
  readonly user?: string
  readonly input?: string | Buffer
  readonly seconds?: number
  readonly env?: NodeJS.ProcessEnv
  readonly options?: readonly string[]
}
export interface DecisionEvent {
  readonly decision_id: string
  readonly labels: { readonly session_id: string }
  readonly input: {
    readonly connection: { readonly kex: string }
    readonly key?: { readonly type: string; readonly fingerprint: string }
    readonly target: { readonly route: string }
    readonly identity?: { readonly username: string }
    readonly session?: { readonly renewals: number }
  }
  readonly result?: unknown
  readonly error?: { readonly code: string }
  readonly nd_builtin_cache?: unknown
  readonly bundles?: unknown
  readonly mapped_result: {
    readonly outcome: string
    readonly code?: string
    readonly certificate?: {
      readonly serial: string
      readonly key_id: string
      readonly signed: string
      readonly extensions: object
    }
  }
}
type MoreConfig = Record<string, unknown> & { routes?: object[]; limits?: object; gateway?: object; identity?: object }
export interface WorldOptions {
  /** Route names, and the certificate that the policy gives on them. */
  readonly certificates?: Readonly<Record<string, Partial<CertificateRequest>>>
  /** What the policy answers of live sessions on these routes, in place of the same: a decision, or a text that is none. */
  readonly renewals?: Readonly<Record<string, object | string>>
  /** More of regate.yaml; routes are added to. */
  readonly config?: (world: { sshd: Sshd; workspace: Workspace }) => MoreConfig | Promise<MoreConfig>
  /** Rego of a whole policy, in place of the one that answers what the routes' labels say. */
  readonly policy?: string
  /** More of sshd's configuration. */
  readonly sshd?: (workspace: Workspace) => readonly string[]
  /** What is done to the bundle before the gateway sees it. */
  readonly spoilBundle?: (path: string) => void | Promise<void>
  readonly codeSeconds?: number
  /** The program that is the gateway: bin/regate of this checkout. */
  readonly program?: string
}

export const token = 'a-token-of-the-tests'
/** Of somebody who may read alone. */
export const readerToken = 'a-readers-token'

const accounts = {
  alice: { email: 'alice@example.com', groups: ['dba'] },
  bob: { email: 'bob@example.com', groups: [] },
  /** Somebody else, to whom the provider has given alice's address. */
  mallory: { email: 'alice@example.com', groups: [] },
}

/** The decision that a route's label holds; strangers are sent to sign in. */
const policyOfLabels = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := json.unmarshal(input.target.labels.decision) if {
	input.identity
	not input.session
}

# Of a live session, the same unless the label says otherwise; a label that is no JSON leaves it undefined.
decision := json.unmarshal(object.get(input.target.labels, "renewal", input.target.labels.decision)) if {
	input.identity
	input.session
	json.is_valid(object.get(input.target.labels, "renewal", input.target.labels.decision))
}

decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity
`

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  await using undo = new AsyncDisposableStack()
  const workspace = undo.use(makeWorkspace())
  const ca = newKey('user-ca')
  workspace.write('user_ca', ca.privateKey)
  workspace.key('gateway-host')
  workspace.key('alice')
  const issuer = undo.use(
    await within(
      'the identity provider starts',
      startLyingIssuer({ accounts, pollSeconds: 0.05, codeSeconds: options.codeSeconds ?? 60 }),
    ),
  )
  const sshd = undo.use(await startSshd(workspace, ca.publicKey, 'sshd', options.sshd?.(workspace)))
  const bundle = buildPolicy(workspace, options.policy ?? policyOfLabels, 'bundle.tar.gz')
  await options.spoilBundle?.(bundle)
  const more = (await options.config?.({ sshd, workspace })) ?? {}
  const certificates = Object.entries(options.certificates ?? {}).map(([name, change]) => ({
    name,
    host: '127.0.0.1',
    port: sshd.port,
    host_keys: [sshd.hostKey],
    labels: { decision: JSON.stringify(allow(change)), ...renewalLabel(options.renewals?.[name]) },
  }))
  const gatewaySection = { name: 'test', listen: '127.0.0.1:0', host_keys: ['gateway-host'], shutdown_grace: '1s' }
  const identity = { issuer: issuer.url, client_id: issuer.clientId, client_secret: issuer.clientSecret }
  const config = {
    http: {
      listen: '127.0.0.1:0',
      tokens: [
        { name: 'tests', sha256: sha256(token), groups: ['read', 'operate'] },
        { name: 'readers', sha256: sha256(readerToken), groups: ['read'] },
      ],
    },
    ca: { key: 'user_ca' },
    policy: { bundle: 'bundle.tar.gz', deadline: '10s' },
    store: 'sqlite:regate.db',
    workers: 1,
    ...more,
    gateway: { ...gatewaySection, ...more.gateway },
    identity: { ...identity, ...more.identity },
    // A file of tests signs in as often as it likes, and is not penalised for what it tries.
    limits: {
      sign_ins_per_minute: 10_000,
      sign_ins_per_minute_per_source: 10_000,
      penalties: { exempt: ['127.0.0.0/8'] },
      ...more.limits,
    },
    routes: [...certificates, ...(more.routes ?? [])],
  }
  writeFileSync(workspace.path('regate.yaml'), stringify(config))
  const gateway = undo.use(await startGateway(workspace, options.program))
  const world = undo.move()
  return assemble(workspace, issuer, sshd, gateway, Object.keys(options.certificates ?? {}), world)
}

/** Starts, or starts again, the gateway of the workspace. */
export async function startGateway(
  workspace: Workspace,
  program = checkout,
  env: NodeJS.ProcessEnv = {},
): Promise<GatewayProcess> {
  const process = start(program, ['serve', '--config', workspace.path('regate.yaml')], env)
  const ready = JSON.parse(await upBy(process, /"msg":"ready"/)) as { ssh: string; http: string }
  const port = (text: string): number => Number(text.split(':').at(-1))
  return Object.assign(process, { sshPort: port(ready.ssh), httpPort: port(ready.http) })
}

const checkout = join(import.meta.dirname, '..', '..', 'bin', 'regate')

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const renewalLabel = (renewal: object | string | undefined) =>
  renewal === undefined ? {} : { renewal: typeof renewal === 'string' ? renewal : JSON.stringify(renewal) }

/** A whole decision: postgres for a minute, and what the change says. */
export const allow = (change: Partial<CertificateRequest>) => ({
  version: 'ssh/v1',
  outcome: 'allow',
  certificate: { principals: ['postgres'], ttl: 60, ...change },
})

function assemble(
  workspace: Workspace,
  issuer: LyingIssuer,
  sshd: Sshd,
  gateway: GatewayProcess,
  routes: readonly string[],
  life: AsyncDisposableStack,
): World {
  const config = writeSshConfig(workspace, gateway, routes)
  const world: World = {
    workspace,
    issuer,
    sshd,
    gateway,
    config,
    ssh: (route, args = [], options = {}) => ssh(world, route, args, options),
    async events() {
      const answer = await api(gateway, '/v1/decisions?limit=500')
      return ((await answer.json()) as { decisions: DecisionEvent[] }).decisions
    },
    [Symbol.asyncDispose]: () => within('gateway, host and identity provider end', life.disposeAsync()),
  }
  return world
}

export const api = (gateway: GatewayProcess, path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${gateway.httpPort}${path}`, { method, headers: { authorization: `Bearer ${token}` } })

/** `Host NAME` is the route NAME, as postgres, with alice's key; the gateway's host key is known. */
export function writeSshConfig(workspace: Workspace, gateway: GatewayProcess, routes: readonly string[]): string {
  const [type, key] = workspace.read('gateway-host.pub').split(' ')
  workspace.write('known_hosts', `[127.0.0.1]:${gateway.sshPort} ${type} ${key}\n`)
  return workspace.write(
    'ssh_config',
    [
      ...routes.flatMap((route) => [`Host ${route}`, `User postgres@${route}`]),
      'Host *',
      'HostName 127.0.0.1',
      `Port ${gateway.sshPort}`,
      `IdentityFile ${workspace.path('alice')}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${workspace.path('known_hosts')}`,
      'GlobalKnownHostsFile /dev/null',
      'StrictHostKeyChecking yes',
      'SendEnv LANG LC_*',
      'LogLevel INFO',
    ].join('\n'),
  )
}

/** Runs ssh to its end; a code that it shows is approved. */
async function ssh(world: World, route: string, args: readonly string[], options: SshOptions): Promise<Finished> {
  const identity = options.key === undefined ? [] : ['-i', world.workspace.path(options.key)]
  const user = ['-l', options.user ?? `${options.login ?? 'postgres'}@${route}`]
  return run('ssh', ['-F', world.config, ...identity, ...user, ...(options.options ?? []), route, ...args], {
    onLine: async (line) => {
      const [, code] = /Code {3}(\S+)/.exec(line) ?? []
      if (code === undefined) return
      await (options.onCode?.(code) ?? world.issuer.approve(code, options.who ?? 'alice'))
    },
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
    ...(options.env === undefined ? {} : { env: options.env }),
  })
}
