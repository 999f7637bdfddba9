import type { Ask } from '../model/channel.ts'

/**
 * What no certificate opens, since no target could make sense of it: names longer than they may be, hosts that are none.
 * Looked at before anything is matched, so that a client cannot make the matching long. Lengths in bytes.
 */
const most = {
  env: 256,
  /** Of a request or a subsystem (RFC 4250 section 4.6.1). */
  name: 64,
  /** One argument of execve(2), as which sshd hands it to the shell (MAX_ARG_STRLEN). */
  command: 131_072,
  /** `sun_path` of `sockaddr_un` (unix(7)). */
  path: 108,
  /** PATH_MAX of Linux. */
  sftpPath: 4_096,
  /** RFC 1035 section 2.3.4. */
  host: 255,
} as const

/** Also an address with its zone, which ssh sends as it was typed: `fe80::1%eth0` (RFC 4007 section 11). */
const host = /^[A-Za-z0-9._:-]+$|^[0-9A-Fa-f:.]+%[A-Za-z0-9._-]{1,15}$/

/** What is wrong with it, or undefined. */
export function outOfBounds(ask: Ask): string | undefined {
  switch (ask.kind) {
    case 'env':
      return tooLong('the name', ask.name, most.env)
    case 'exec':
      return tooLong('the command', ask.command, most.command)
    case 'subsystem':
      return tooLong('the name', ask.name, most.name)
    case 'direct-streamlocal':
    case 'streamlocal-forward':
      return tooLong('the path', ask.path, most.path)
    case 'direct-tcpip':
      return tooLong('the host', ask.host, most.host) ?? (host.test(ask.host) ? undefined : noHost)
    case 'tcpip-forward':
      // Empty and `*` stand for all addresses (RFC 4254 section 7.1; ssh(1), -R).
      return (
        tooLong('the host', ask.host, most.host) ??
        (ask.host === '' || ask.host === '*' || host.test(ask.host) ? undefined : noHost)
      )
    case 'sftp':
      return ask.uses
        .map((use) => ('path' in use ? tooLong('the path', use.path ?? '', most.sftpPath) : undefined))
        .find((fault) => fault !== undefined)
    default:
      return undefined
  }
}

const noHost = 'what it names is no host'
const tooLong = (what: string, text: string, bytes: number): string | undefined =>
  text.length > bytes ? `${what} has more than ${bytes} bytes` : undefined
