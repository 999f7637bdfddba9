import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { findProject } from '../src/project.ts'
import { changeData, type PolicyData } from './bundle-data.ts'
import type { Folder } from './folder.ts'
import type { Issuer } from './issuer.ts'
import { Journal } from './journal.ts'
import { start, startMost } from './process.ts'
import type { Target } from './sshd.ts'

export interface Gateway extends AsyncDisposable {
  readonly sshPort: number
  /** Of the HTTP API, without a slash at its end. */
  readonly url: string
  /** May read there. */
  readonly token: string
  readonly journal: Journal
  /** Aborts when it has ended. */
  readonly ended: AbortSignal
}

export interface Targets {
  readonly staging: Target
  readonly db1: Target
}

/** Starts `bin/regate serve` with the policies as shipped; only their data is changed. */
export async function startGateway(
  login: string,
  targets: Targets,
  issuer: Issuer,
  folder: Folder,
  signal: AbortSignal,
): Promise<Gateway> {
  await using undo = new AsyncDisposableStack()
  const project = findProject()
  const shipped = await readFile(join(project, 'wasm', 'bundle.tar.gz'))
  folder.write('bundle.tar.gz', await changeData(shipped, (data) => forEverybodyNow(data, login)))
  const token = randomBytes(16).toString('hex')
  const config = folder.write('regate.yaml', stringify(configuration(targets, issuer, token)))
  const journal = undo.use(new Journal(folder.at('gateway.log')))
  const program = start(join(project, 'bin', 'regate'), ['serve', '--config', config], folder.path, journal)
  undo.defer(() => program.stop())
  const { ended } = program
  const line = await journal.line(/"msg":"ready"/, AbortSignal.any([signal, ended, AbortSignal.timeout(startMost)]))
  const ready = JSON.parse(line) as { ssh: string; http: string }
  const life = undo.move()
  return {
    sshPort: Number(ready.ssh.split(':').at(-1)),
    url: `http://${ready.http}`,
    token,
    journal,
    ended,
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

/** The one account that there is, and office hours that never end: the tour is taken at any time. */
function forEverybodyNow(data: PolicyData, login: string): PolicyData {
  const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
  return { ...data, access: { ...data.access, logins: [login], office: { zone: 'UTC', days, from: 0, to: 24 } } }
}

const configuration = ({ staging, db1 }: Targets, issuer: Issuer, token: string) => ({
  gateway: {
    name: 'demo',
    listen: '127.0.0.1:0',
    host_keys: ['gateway_host'],
    login_case: 'any',
    shutdown_grace: '0s',
  },
  http: {
    listen: '127.0.0.1:0',
    tokens: [{ name: 'demo', sha256: createHash('sha256').update(token).digest('hex'), groups: ['read'] }],
  },
  ca: { key: 'user_ca' },
  // The usual 50ms are for machines that do nothing else.
  policy: { bundle: 'bundle.tar.gz', deadline: '500ms' },
  identity: {
    issuer: issuer.url,
    client_id: issuer.clientId,
    client_secret: issuer.clientSecret,
    scopes: ['openid', 'profile', 'email', 'groups'],
  },
  store: 'sqlite:regate.db',
  routes: [
    route('staging', staging, { env: 'staging' }),
    route('db1', db1, { env: 'staging', role: 'postgres' }),
    route('billing', staging, { env: 'staging', freeze: 'on' }),
  ],
})

const route = (name: string, { port, hostKey }: Target, labels: Record<string, string>) => ({
  name,
  host: '127.0.0.1',
  port,
  labels,
  host_keys: [hostKey],
})
