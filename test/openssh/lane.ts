import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { newKey } from '../../src/certificate/new-key.ts'
import { serverAlgorithms } from '../../src/ssh/algorithms.ts'
import { buildPolicy } from '../support/policy.ts'
import { run } from '../support/process.ts'
import { makeWorkspace, type Workspace } from '../support/workspace.ts'
import { startGateway } from '../support/world.ts'
import { amend } from './amended.ts'
import { scriptedTarget } from './target.ts'

export const installed = '/usr/lib/openssh/regress'
const keyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']
const secondsMost = 600
const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()

export interface Outcome {
  /** `uncounted`: no session began through the gateway, so that it shows nothing. */
  readonly result: 'passed' | 'failed' | 'uncounted'
  readonly sessions: number
  readonly seconds: number
  /** The end of what it said. */
  readonly said: string
}

/** A copy of the suite with a gateway, a target and ports of its own, in which one script runs at a time. */
export interface Lane extends AsyncDisposable {
  run(script: string): Promise<Outcome>
}

const policy = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := {
	"version": "ssh/v1",
	"outcome": "allow",
	"certificate": {
		"principals": [input.target.login],
		"ttl": 300,
		"extensions": {
			"permit-pty": "",
			"permit-agent-forwarding": "",
			"permit-X11-forwarding": "",
			"permit-port-forwarding": "",
			"permit-user-rc": "",
			"permit-shell@regate": "",
			"permit-exec@regate": ["*"],
			"permit-subsystem@regate": ["sftp", "no-such-subsystem"],
			"permit-socket@regate": {"open": ["/**"], "listen": ["/**"]},
			"permit-env@regate": ["*"],
			"max-sessions@regate": 1000,
		},
	},
} if input.identity

decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity
`

/** `number`: from 0; each lane of a run has another, and so other ports. */
export async function openLane(number: number): Promise<Lane> {
  await using undo = new AsyncDisposableStack()
  const workspace = undo.use(makeWorkspace())
  const regress = prepare(workspace)
  const ca = newKey('user-ca')
  workspace.write('user_ca', ca.privateKey)
  workspace.write('user_ca.pub', `${ca.publicKey}\n`, 0o644)
  buildPolicy(workspace, policy, 'bundle.tar.gz')
  const target = undo.use(await scriptedTarget(workspace.path('target')))
  const ports = await portsOf(number)
  const publicKey = (type: string): string => workspace.read(`regress/${type}.pub`).split(' ').slice(0, 2).join(' ')
  workspace.write('robots.keys', keyTypes.map((type) => `username="${user}" ${publicKey(type)}\n`).join(''))
  workspace.write('regate.yaml', stringify(configuration(ports.gateway, target.port, publicKey)))
  const gateway = undo.use(await startGateway(workspace))
  const sessions = (): number => gateway.lines.filter((line) => line.includes('"msg":"session began"')).length
  const env = environment(workspace, ports)
  const life = undo.move()
  return {
    async run(script) {
      rmSync(workspace.path('target.port'), { force: true })
      const before = sessions()
      const begun = performance.now()
      const args = [join(regress, 'test-exec.sh'), regress, join(regress, `${script}.sh`)]
      const { code, stdout, stderr } = await run('sh', args, { env, cwd: regress, seconds: secondsMost })
      const crossed = sessions() - before
      const failed = code !== 0 || /^(FATAL|SKIPPED)/m.test(stdout)
      return {
        result: failed ? 'failed' : crossed === 0 ? 'uncounted' : 'passed',
        sessions: crossed,
        seconds: Math.round((performance.now() - begun) / 1000),
        said: `${stdout}${stderr}`.trim().split('\n').slice(-30).join('\n'),
      }
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

interface Ports {
  readonly gateway: number
  readonly sshd: number
}

/** Scripts listen at the two ports behind the gateway's as well. None of them is one that the system gives away. */
async function portsOf(lane: number): Promise<Ports> {
  for (let gateway = 20_000 + lane * 1_000; gateway < 21_000 + lane * 1_000; gateway += 4)
    if ((await Promise.all([0, 1, 2, 3].map((more) => isFree(gateway + more)))).every(Boolean))
      return { gateway, sshd: gateway + 3 }
  throw new Error('no ports are free')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

const configuration = (port: number, targetPort: number, publicKey: (type: string) => string) => ({
  gateway: {
    name: 'regress',
    listen: `127.0.0.1:${port}`,
    host_keys: keyTypes.map((type) => `regress/${type}`),
    default_route: 'target',
  },
  http: { listen: '127.0.0.1:0' },
  ca: { key: 'user_ca' },
  certificate: { source_address: 'off' }, // below a proxy command an sshd knows no address
  policy: { bundle: 'bundle.tar.gz', deadline: '2s' },
  identity: { issuer: 'http://127.0.0.1:1', client_id: 'x', keys: 'robots.keys' },
  limits: {
    unauthenticated_per_source: 300,
    rsa_bits: 2048,
    stranger_refusals_per_minute: 10_000,
    penalties: { exempt: ['127.0.0.0/8'] },
  },
  routes: [{ name: 'target', host: '127.0.0.1', port: targetPort, host_keys: keyTypes.map(publicKey) }],
})

/** A copy of the suite, in which the keys are made already and scp's own stand-in for ssh is ssh. */
function prepare(workspace: Workspace): string {
  const folder = workspace.path('regress')
  cpSync(installed, folder, { recursive: true })
  amend(folder)
  for (const type of keyTypes) execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', join(folder, type)])
  workspace.write('stock-ssh', stockSsh(), 0o755)
  workspace.write('ssh', `#!/bin/sh\nexec /usr/bin/ssh -F ${folder}/ssh_proxy "$@"\n`, 0o755)
  for (const program of ['sftp', 'scp'])
    workspace.write(
      `over-${program}`,
      `#!/bin/sh\nexec sh ${join(import.meta.dirname, 'over-ssh.sh')} ${program} "$@"\n`,
      0o755,
    )
  const standIn = join(folder, 'scp-ssh-wrapper.sh')
  const text = readFileSync(standIn, 'utf8')
  const local = '\tset -- $arg\n\tshift\n\texec $SCP "$@"\n'
  if (!text.includes(local)) throw new Error('scp-ssh-wrapper.sh is not the one that was read')
  workspace.write(
    'regress/scp-ssh-wrapper.sh',
    text.replace(local, `\texec ${workspace.path('ssh')} somehost "$arg"\n`),
  )
  chmodSync(standIn, 0o755)
  return folder
}

/** The scripts try all that `ssh -Q` names: the answer is cut to what both this ssh and the gateway offer. */
function stockSsh(): string {
  const { kex, cipher, hmac } = serverAlgorithms('any') as Readonly<
    Record<'kex' | 'cipher' | 'hmac', readonly string[]>
  >
  const answers = Object.entries({ 'kex': kex, 'cipher': cipher, 'mac': hmac, 'key-plain': keyTypes, 'key': keyTypes })
  const cases = answers.map(([asked, names]) => `    ${asked}) printf '%s\\n' ${both(asked, names)}; exit ;;`)
  return [
    '#!/bin/sh',
    'last=',
    'for argument; do',
    '  [ "$last" = -Q ] && case $argument in',
    ...cases,
    '  esac',
    '  last=$argument',
    'done',
    'exec /usr/bin/ssh "$@"',
    '',
  ].join('\n')
}

function both(asked: string, names: readonly string[]): string {
  const stock = execFileSync('ssh', ['-Q', asked], { encoding: 'utf8' }).split('\n')
  return names.filter((name) => stock.includes(name)).join(' ')
}

function environment(workspace: Workspace, ports: Ports): NodeJS.ProcessEnv {
  const regress = workspace.path('regress')
  return {
    TEST_SHELL: 'sh',
    TEST_SSH_SSH: workspace.path('stock-ssh'),
    TEST_SSH_SSHD: writeSshd(workspace, ports),
    TEST_SSH_SFTP: workspace.path('over-sftp'),
    TEST_SSH_SCP: workspace.path('over-scp'),
    TEST_SSH_SFTPSERVER: '/usr/lib/openssh/sftp-server',
    TEST_SSH_PLINK: 'plink',
    TEST_SSH_PUTTYGEN: 'puttygen',
    TEST_SSH_CONCH: 'conch3',
    TEST_SSH_PORT: `${ports.gateway}`,
    TEST_SSH_UNSAFE_PERMISSIONS: '1',
    TEST_SSH_QUIET: 'yes',
    BUILDDIR: regress,
    REGATE_SSH: workspace.path('ssh'),
  }
}

/** With what it must know in itself: a login in a login has no environment. */
function writeSshd(workspace: Workspace, ports: Ports): string {
  const known = {
    TEST_SSH_PORT: `${ports.gateway}`,
    REGATE_CA: workspace.path('user_ca.pub'),
    REGATE_TARGET: workspace.path('target'),
    REGATE_PRINCIPALS: workspace.path('principals'),
    REGATE_ROBOTS: workspace.path('robots.keys'),
    REGATE_KEYS: workspace.path(`regress/authorized_keys_${user}`),
    REGATE_SSHD_PORT: `${ports.sshd}`,
  }
  const lines = Object.entries(known).map(([name, value]) => `export ${name}='${value}'\n`)
  const script = join(import.meta.dirname, 'sshd.sh')
  return workspace.write('sshd', `#!/bin/sh\n${lines.join('')}exec sh ${script} "$@"\n`, 0o755)
}
