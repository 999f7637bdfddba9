import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { changeData, type PolicyData } from '../demo/bundle-data.ts'
import { type Issuer, startIssuer } from '../demo/issuer.ts'
import { newKey } from '../src/certificate/new-key.ts'
import { run } from '../test/support/process.ts'
import { type Sshd, startSshd } from '../test/support/sshd.ts'
import { makeWorkspace, type Workspace } from '../test/support/workspace.ts'
import { type GatewayProcess, startGateway, token } from '../test/support/world.ts'
import type { Access } from './sessions.ts'
import type { Way } from './ways.ts'

export interface GatewayOptions {
  /** Processes: one, so that there is a process whose figures they are; or as many as the gateway takes by itself. */
  readonly workers?: 1 | 'default'
  readonly env?: NodeJS.ProcessEnv
}

/** A target, a jump host and an identity provider, all real, on 127.0.0.1; the gateway is started on it. */
export interface Ground extends AsyncDisposable {
  readonly workspace: Workspace
  /** The target's. */
  readonly sshd: Sshd
  /** Starts `bin/regate serve` with the shipped policy, for this work. Who has signed in stays so at the next start. */
  withGateway<Result>(work: (gateway: GatewayProcess) => Promise<Result>, options?: GatewayOptions): Promise<Result>
  /** An ssh configuration with the three ways (see ways.ts) and these lines for each; answers its path. */
  configure(name: string, gateway: GatewayProcess, lines?: readonly string[]): string
  /** Logs alice in through the gateway, by `args` with another key, and approves the code that is shown. */
  signIn(config: string, args?: readonly string[]): Promise<void>
  access(gateway: GatewayProcess): Access
  /** Makes the shipped bundle with other data; what is answered puts it in the place of the gateway's, in one step. */
  nextBundle(change: (data: PolicyData) => PolicyData): Promise<() => void>
}

export const bundle = join(import.meta.dirname, '..', 'wasm', 'bundle.tar.gz')

/** What the shipped policy grants: developers the login `deploy` where the label `env` is `staging`. */
const login = 'deploy'
const route = { name: 'web1', labels: { env: 'staging', role: 'web' } }
/** Denied to her. */
const denied = { name: 'db1', labels: { env: 'production', role: 'postgres' } }
const person = { email: 'alice@example.com', groups: ['employees', 'developers'] }

/** What a target writes about each session would be read by this very process, on the cores of what is measured. */
const quiet = ['LogLevel INFO'] // with less it does not say that it listens

export async function prepareGround(): Promise<Ground> {
  await using undo = new AsyncDisposableStack()
  const workspace = undo.use(makeWorkspace())
  const ca = newKey('user-ca')
  workspace.write('user_ca', ca.privateKey)
  for (const name of ['gateway-host', 'alice', 'direct']) workspace.key(name)
  certify(workspace, 'direct')
  const issuer = undo.use(await startIssuer({ accounts: { alice: person }, pollSeconds: 0.05 }))
  const target = undo.use(await startSshd(workspace, ca.publicKey, 'target', quiet))
  const jump = undo.use(await startSshd(workspace, ca.publicKey, 'jump', quiet))
  copyFileSync(bundle, workspace.path('bundle.tar.gz'))
  const life = undo.move()
  return {
    workspace,
    sshd: target,
    async withGateway(work, { workers = 1, env } = {}) {
      workspace.write('regate.yaml', stringify(gatewayConfig(issuer, target, workers)))
      await using gateway = await startGateway(workspace, undefined, env)
      return await work(gateway).catch((cause: Error) => {
        const said = gateway.lines.slice(-10).join('\n')
        throw new Error(`${cause.message}\n\nWhat the gateway said last:\n${said}`, { cause })
      })
    },
    configure: (name, gateway, lines = []) =>
      configure(workspace, name, { gateway: gateway.sshPort, target, jump }, lines),
    async signIn(config, args = []) {
      const onLine = async (line: string): Promise<void> => {
        const [, code] = /Code {3}(\S+)/.exec(line) ?? []
        if (code !== undefined) await issuer.approve(code, 'alice')
      }
      const { code, stderr } = await run('ssh', ['-F', config, ...args, 'gateway', 'true'], { onLine })
      if (code !== 0) throw new Error(`the sign-in failed:\n${stderr}`)
    },
    access: ({ sshPort }) => ({
      port: sshPort,
      username: `${login}@${route.name}`,
      privateKey: workspace.read('alice'),
      hostKey: Buffer.from(workspace.read('gateway-host.pub').split(' ')[1] ?? '', 'base64'),
    }),
    async nextBundle(change) {
      const next = workspace.path('next.tar.gz')
      writeFileSync(next, await changeData(readFileSync(bundle), change))
      return () => renameSync(next, workspace.path('bundle.tar.gz'))
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

/** What the direct way logs in with: a user certificate of the same CA, and so the same work for the target. */
function certify(workspace: Workspace, key: string): void {
  const args = ['-q', '-s', workspace.path('user_ca'), '-I', 'bench', '-n', login, '-V', '-5m:+1h']
  execFileSync('ssh-keygen', [...args, workspace.path(`${key}.pub`)])
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const gatewayConfig = (issuer: Issuer, target: Sshd, workers: 1 | 'default') => ({
  ...(workers === 1 ? { workers } : {}),
  gateway: { name: 'bench', listen: '127.0.0.1:0', host_keys: ['gateway-host'], shutdown_grace: '1s' },
  http: { listen: '127.0.0.1:0', tokens: [{ name: 'bench', sha256: sha256(token), groups: ['read', 'operate'] }] },
  ca: { key: 'user_ca' },
  policy: { bundle: 'bundle.tar.gz', deadline: '500ms' }, // clients, targets and gateway share the cores
  identity: { issuer: issuer.url, client_id: issuer.clientId, client_secret: issuer.clientSecret },
  store: 'sqlite:regate.db',
  limits: {
    // All of it is one person's, from one address.
    sessions: 10_000,
    sessions_per_person: 10_000,
    unauthenticated_per_source: 300,
    unauthenticated_drop_from: 300,
    sign_ins_per_minute: 10_000,
    sign_ins_per_minute_per_source: 10_000,
    penalties: { exempt: ['127.0.0.0/8'] },
  },
  routes: [route, denied].map((route) => ({
    ...route,
    host: '127.0.0.1',
    port: target.port,
    host_keys: [target.hostKey],
  })),
})

function configure(
  workspace: Workspace,
  name: string,
  places: { readonly gateway: number; readonly target: Sshd; readonly jump: Sshd },
  lines: readonly string[],
): string {
  const { gateway, target, jump } = places
  const [type, key] = workspace.read('gateway-host.pub').split(' ')
  const known = [
    [target.port, target.hostKey],
    [jump.port, jump.hostKey],
    [gateway, `${type} ${key}`],
  ] as const
  const knownHosts = workspace.write(
    `${name}-known_hosts`,
    known.map(([port, key]) => `[127.0.0.1]:${port} ${key}\n`).join(''),
  )
  const certified = [`IdentityFile ${workspace.path('direct')}`, `CertificateFile ${workspace.path('direct-cert.pub')}`]
  const ways: Record<Way | 'jump-host', readonly string[]> = {
    'direct': [`Port ${target.port}`, `User ${login}`, ...certified],
    'gateway': [`Port ${gateway}`, `User ${login}@${route.name}`, `IdentityFile ${workspace.path('alice')}`],
    'jump': [`Port ${target.port}`, `User ${login}`, ...certified, 'ProxyJump jump-host'],
    'jump-host': [`Port ${jump.port}`, `User ${login}`, ...certified],
  }
  return workspace.write(
    name,
    [
      ...Object.entries(ways).flatMap(([host, own]) => [`Host ${host}`, ...own]),
      'Host *',
      ...lines,
      'HostName 127.0.0.1',
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${knownHosts}`,
      'GlobalKnownHostsFile /dev/null',
      'StrictHostKeyChecking yes',
      'ControlPath none',
      'LogLevel INFO',
    ].join('\n'),
  )
}
