import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { freePort } from '../../demo/free-port.ts'
import { type Running, start, upBy } from './process.ts'
import type { Workspace } from './workspace.ts'

export interface Sshd extends AsyncDisposable {
  readonly port: number
  /** `ssh-ed25519 AAAA…`, for `host_keys`. */
  readonly hostKey: string
  readonly process: Running
  readonly log: readonly string[]
  /** Of the accounts that it knows. */
  readonly home: string
}

/** Accounts that the target has, all with the rights and the home of whoever runs the test. */
export const accounts = ['postgres', 'deploy', 'root'] as const

/**
 * A real sshd on 127.0.0.1 that trusts the user CA and nothing else. nss_wrapper gives it accounts of its own, so that it
 * needs none of the machine's and its users' home is in the workspace.
 */
export async function startSshd(
  workspace: Workspace,
  caKeys: string,
  name = 'sshd',
  more: readonly string[] = [],
  program = '/usr/sbin/sshd',
): Promise<Sshd> {
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
  const port = await freePort()
  const home = workspace.path(`${name}-home`)
  mkdirSync(`${home}/.ssh`, { recursive: true, mode: 0o700 })
  const hostKey = workspace.key(`${name}-host`)
  workspace.write(`${name}-ca.pub`, caKeys, 0o644)
  const { uid, gid } = userInfo()
  const system = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('sshd:'))
  const passwd = accounts.map((account) => `${account}:x:${uid}:${gid}::${home}:/bin/bash`)
  workspace.write(`${name}-passwd`, `${[...passwd, ...system].join('\n')}\n`, 0o644)
  workspace.write(`${name}-group`, `root:x:${gid}:\nnogroup:x:65534:\n`, 0o644)
  const config = workspace.write(
    `${name}-config`,
    [
      ...more, // the first value of a keyword counts
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `TrustedUserCAKeys ${workspace.path(`${name}-ca.pub`)}`,
      'AuthorizedKeysFile none',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PidFile none',
      'LogLevel VERBOSE',
      'PermitRootLogin yes',
      'PermitUserEnvironment no',
      'AcceptEnv *',
      'ExposeAuthInfo yes',
      'X11Forwarding yes',
      'X11UseLocalhost yes',
      'AllowStreamLocalForwarding yes',
      'MaxSessions 50',
      'MaxStartups 1000',
      'Subsystem sftp /usr/lib/openssh/sftp-server',
    ].join('\n'),
  )
  const server = start(program, ['-D', '-e', '-f', config], {
    LD_PRELOAD: 'libnss_wrapper.so',
    NSS_WRAPPER_PASSWD: workspace.path(`${name}-passwd`),
    NSS_WRAPPER_GROUP: workspace.path(`${name}-group`),
  })
  await upBy(server, /^Server listening/)
  return {
    port,
    home,
    process: server,
    log: server.lines,
    hostKey: readFileSync(`${hostKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' '),
    [Symbol.asyncDispose]: async () => void (await server.stop()),
  }
}
