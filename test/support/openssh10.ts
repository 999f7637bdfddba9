import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', '..', '.tools', 'openssh', 'usr')

/** OpenSSH 10, beside the machine's own; sshd 10 runs programs for each connection, which `sshdLines` says where to find. */
export const openSsh10 = {
  ssh: join(folder, 'bin', 'ssh'),
  /** With that ssh below it. */
  sftp: `${join(folder, 'bin', 'sftp')} -S ${join(folder, 'bin', 'ssh')}`,
  sshd: join(folder, 'sbin', 'sshd'),
  sshdLines: [
    `SshdSessionPath ${join(folder, 'lib', 'openssh', 'sshd-session')}`,
    `SshdAuthPath ${join(folder, 'lib', 'openssh', 'sshd-auth')}`,
  ],
} as const

if (!existsSync(openSsh10.ssh)) throw new Error(`no OpenSSH 10 in ${folder}: bin/setup openssh brings it`)
