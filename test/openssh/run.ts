import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { newKey } from '../../src/certificate/new-key.ts'
import { serverAlgorithms } from '../../src/ssh/algorithms.ts'
import { buildPolicy } from '../support/policy.ts'
import { run } from '../support/process.ts'
import { freePort, makeWorkspace, type Workspace } from '../support/workspace.ts'
import { startGateway } from '../support/world.ts'
import { amend } from './amended.ts'
import { leftOut, scripts } from './scripts.ts'
import { scriptedTarget } from './target.ts'

/*
 * OpenSSH's own regression scripts (Debian: openssh-tests) with the gateway between their ssh and their sshd:
 *
 *   node test/openssh/run.ts [SCRIPT…]
 *
 * The keys that the scripts put into authorized_keys are robots', and the policy opens everything, so what a script sees is what
 * the gateway carries. A script in which no session began does not count. docs/conformance.md has the list.
 */

const installed = '/usr/lib/openssh/regress'
const keyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']
const secondsMost = 600

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

if (!existsSync(installed)) throw new Error(`${installed} is not there: apt-get install openssh-tests`)
if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
using workspace = makeWorkspace()
const regress = prepare(workspace)
const ca = newKey('user-ca')
workspace.write('user_ca', ca.privateKey)
workspace.write('user_ca.pub', `${ca.publicKey}\n`, 0o644)
buildPolicy(workspace, policy, 'bundle.tar.gz')
using target = await scriptedTarget(workspace.path('target'))
const [port, sshdPort] = [await freePort(), await freePort()]
const publicKey = (type: string): string => workspace.read(`regress/${type}.pub`).split(' ').slice(0, 2).join(' ')
const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()
workspace.write('robots.keys', keyTypes.map((type) => `username="${user}" ${publicKey(type)}\n`).join(''))
workspace.write(
  'regate.yaml',
  stringify({
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
    routes: [{ name: 'target', host: '127.0.0.1', port: target.port, host_keys: keyTypes.map(publicKey) }],
  }),
)
await using gateway = await startGateway(workspace)
const sessions = (): number => gateway.lines.filter((line) => line.includes('"msg":"session began"')).length

const known = new Set([
  ...scripts,
  ...Object.values(leftOut).flat(),
  'test-exec',
  'scp-ssh-wrapper',
  'sshd-log-wrapper',
])
const suite = readdirSync(installed).filter((name) => name.endsWith('.sh'))
const unknown = suite.filter((name) => !known.has(name.slice(0, -'.sh'.length)))
if (unknown.length > 0) throw new Error(`neither run nor left out for a reason: ${unknown.join(', ')}`)

const asked = process.argv.slice(2)
const results: Record<'passed' | 'failed' | 'uncounted', string[]> = { passed: [], failed: [], uncounted: [] }
for (const script of asked.length > 0 ? asked : scripts) {
  rmSync(workspace.path('target.port'), { force: true })
  const before = sessions()
  const begun = performance.now()
  const { code, stdout, stderr } = await run(
    'sh',
    [join(regress, 'test-exec.sh'), regress, join(regress, `${script}.sh`)],
    {
      env: environment(),
      cwd: regress,
      seconds: secondsMost,
    },
  )
  const crossed = sessions() - before
  const result = code !== 0 || /^(FATAL|SKIPPED)/m.test(stdout) ? 'failed' : crossed === 0 ? 'uncounted' : 'passed'
  results[result].push(script)
  console.log(`${result.padEnd(9)} ${script}: ${crossed} sessions, ${Math.round((performance.now() - begun) / 1000)} s`)
  if (result === 'failed')
    console.log(`${stdout}${stderr}`.trim().split('\n').slice(-30).join('\n').replace(/^/gm, '    '))
}
const counts = Object.entries(results).map(([result, names]) => `${names.length} ${result}`)
console.log(counts.join(', '))
process.exitCode = results.failed.length + results.uncounted.length === 0 ? 0 : 1

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

function environment(): NodeJS.ProcessEnv {
  return {
    TEST_SHELL: 'sh',
    TEST_SSH_SSH: workspace.path('stock-ssh'),
    TEST_SSH_SSHD: writeSshd(),
    TEST_SSH_SFTP: workspace.path('over-sftp'),
    TEST_SSH_SCP: workspace.path('over-scp'),
    TEST_SSH_SFTPSERVER: '/usr/lib/openssh/sftp-server',
    TEST_SSH_PLINK: 'plink',
    TEST_SSH_PUTTYGEN: 'puttygen',
    TEST_SSH_CONCH: 'conch3',
    TEST_SSH_PORT: `${port}`,
    TEST_SSH_UNSAFE_PERMISSIONS: '1',
    TEST_SSH_QUIET: 'yes',
    BUILDDIR: regress,
    REGATE_SSH: workspace.path('ssh'),
  }
}

/** With what it must know in itself: a login in a login has no environment. */
function writeSshd(): string {
  const known = {
    TEST_SSH_PORT: `${port}`,
    REGATE_CA: workspace.path('user_ca.pub'),
    REGATE_TARGET: workspace.path('target'),
    REGATE_PRINCIPALS: workspace.path('principals'),
    REGATE_ROBOTS: workspace.path('robots.keys'),
    REGATE_KEYS: join(regress, `authorized_keys_${user}`),
    REGATE_SSHD_PORT: `${sshdPort}`,
  }
  const lines = Object.entries(known).map(([name, value]) => `export ${name}='${value}'\n`)
  const script = join(import.meta.dirname, 'sshd.sh')
  return workspace.write('sshd', `#!/bin/sh\n${lines.join('')}exec sh ${script} "$@"\n`, 0o755)
}
