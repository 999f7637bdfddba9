import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { findProject } from '../src/project.ts'
import { type Bundle, writeBundle } from './bundle.ts'
import type { PolicyData } from './bundle-data.ts'
import type { Folder } from './folder.ts'
import type { Issuer } from './issuer.ts'
import { Journal } from './journal.ts'
import { start, startMost } from './process.ts'
import type { Target } from './sshd.ts'

export interface Gateway extends AsyncDisposable {
  readonly sshPort: number
  /** Of the HTTP API, without a slash at its end. */
  readonly url: string
  /** Of people who may read there, and of those who may also end things. */
  readonly tokens: Readonly<Record<'read' | 'operate', string>>
  readonly bundle: Bundle
  readonly journal: Journal
  /** Aborts when it has ended. */
  readonly ended: AbortSignal
}

/** The program, of this checkout. */
export const regate = join(findProject(), 'bin', 'regate')

export interface Targets {
  readonly staging: Target
  readonly db1: Target
}

/** Starts `bin/regate serve` with the policies as shipped; of their data `access` is another. */
export async function startGateway(
  access: Partial<PolicyData['access']>,
  targets: Targets,
  issuer: Issuer,
  folder: Folder,
  signal: AbortSignal,
): Promise<Gateway> {
  await using undo = new AsyncDisposableStack()
  const bundle = await writeBundle(access, folder)
  const tokens = { read: randomBytes(16).toString('hex'), operate: randomBytes(16).toString('hex') }
  const config = folder.write('regate.yaml', stringify(configuration(targets, issuer, tokens)))
  const journal = undo.use(new Journal(folder.at('gateway.log')))
  const program = start(regate, ['serve', '--config', config], folder.path, journal)
  undo.defer(() => program.stop())
  const { ended } = program
  const line = await journal.line(/"msg":"ready"/, AbortSignal.any([signal, ended, AbortSignal.timeout(startMost)]))
  const ready = JSON.parse(line) as { ssh: string; http: string }
  const life = undo.move()
  return {
    sshPort: Number(ready.ssh.split(':').at(-1)),
    url: `http://${ready.http}`,
    tokens,
    bundle,
    journal,
    ended,
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

const configuration = ({ staging, db1 }: Targets, issuer: Issuer, tokens: Gateway['tokens']) => ({
  gateway: {
    name: 'demo',
    listen: '127.0.0.1:0',
    host_keys: ['gateway_host'],
    host_names: ['127.0.0.1'],
    login_case: 'any',
    shutdown_grace: '0s',
  },
  http: {
    listen: '127.0.0.1:0',
    tokens: [
      { name: 'auditor', sha256: sha256(tokens.read), groups: ['read'] },
      { name: 'operator', sha256: sha256(tokens.operate), groups: ['read', 'operate'] },
    ],
  },
  ca: { key: 'user_ca', host_key: 'host_ca' },
  // The usual 50ms are for machines that do nothing else.
  policy: { bundle: 'bundle.tar.gz', deadline: '10s' },
  identity: {
    issuer: issuer.url,
    client_id: issuer.clientId,
    client_secret: issuer.clientSecret,
    scopes: ['openid', 'profile', 'email', 'groups'],
  },
  store: 'sqlite:regate.db',
  // Everybody in the demo is at one address, and some of them are refused.
  limits: { penalties: { exempt: ['127.0.0.0/8'] } },
  routes: [
    route('staging', staging, { env: 'staging' }),
    route('db1', db1, { env: 'staging', role: 'postgres' }),
    route('billing', staging, { env: 'staging', freeze: 'on' }),
  ],
})

const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex')

const route = (name: string, { port, hostKey }: Target, labels: Record<string, string>) => ({
  name,
  host: '127.0.0.1',
  port,
  labels,
  host_keys: [hostKey],
})
