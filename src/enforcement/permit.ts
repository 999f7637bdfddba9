import type { Permissions, Shown } from '../model/certificate.ts'
import type { Ask, Field, Verdict } from '../model/channel.ts'
import { commandMatches } from '../model/command.ts'
import { type Destination, destinationMatches } from '../model/destination.ts'
import { type ByteString, byteStringOf, type Glob, globMatches, isLiteral, parseGlob, stepsUp } from '../model/glob.ts'
import type { UnixSeconds } from '../model/units.ts'
import { outOfBounds } from './bounds.ts'
import { opensSftp, sftpRefusal } from './sftp.ts'

/** What a certificate without `permit-env@regate` lets through, as Debian's sshd does. */
const usualEnvironment: readonly Glob[] = ['LANG', 'LC_*', 'COLORTERM'].map(parseGlob)
/** As sshd's MaxSessions. */
const usualSessions = 10

/** Whether the certificate opens what is asked for, and which field of it decided. Blank permits nothing. */
export function permit(certificate: Shown, ask: Ask, now: UnixSeconds): Verdict {
  if (now < certificate.validAfter || now >= certificate.validBefore)
    return refused('validity', 'of the certificate is over')
  const fault = outOfBounds(ask)
  if (fault !== undefined) return { permitted: false, because: fault }
  // With a forced command sshd runs that one, whatever was asked to run: so each of the three is open.
  if (certificate.forceCommand !== undefined && runs.has(ask.kind)) return { permitted: true, field: 'force-command' }
  const rule = rules[ask.kind] as (permissions: Permissions, ask: Ask) => Verdict
  return rule(certificate.permissions, ask)
}

const runs: ReadonlySet<Ask['kind']> = new Set(['shell', 'exec', 'subsystem'])

/** A row for each kind of request: what in the certificate opens it (docs/policy-reference.md has the same for people). */
const rules: {
  readonly [Kind in Ask['kind']]: (permissions: Permissions, ask: Ask & { kind: Kind }) => Verdict
} = {
  'session': (permissions, { openSessions }) => {
    const most = permissions['max-sessions@regate'] ?? usualSessions
    return verdict('max-sessions@regate', openSessions < most, `allows no more than ${most} at once`)
  },
  'pty': (permissions) => flag(permissions, 'permit-pty'),
  'agent': (permissions) => flag(permissions, 'permit-agent-forwarding'),
  'x11': (permissions) => flag(permissions, 'permit-X11-forwarding'),
  'shell': (permissions) => flag(permissions, 'permit-shell@regate'),
  'exec': (permissions, { command }) => {
    const rule = permissions['permit-exec@regate']
    if (rule === undefined) return lacks('permit-exec@regate')
    return verdict('permit-exec@regate', commandMatches(rule, command), 'names no such command')
  },
  'subsystem': (permissions, { name }) => {
    const sftp = permissions['permit-sftp@regate']
    // It is the narrower of the two, and holds when both are there.
    if (name === 'sftp' && sftp !== undefined) return verdict('permit-sftp@regate', opensSftp(sftp), 'names no path')
    const names = permissions['permit-subsystem@regate']
    if (names === undefined) return lacks('permit-subsystem@regate')
    return verdict('permit-subsystem@regate', names.includes(name), 'does not name it')
  },
  'sftp': (permissions, { uses }) => {
    const rule = permissions['permit-sftp@regate']
    if (rule === undefined) return rules.subsystem(permissions, { kind: 'subsystem', name: byteStringOf('sftp') })
    const [because] = uses.flatMap((use) => sftpRefusal(rule, use) ?? [])
    return because === undefined
      ? { permitted: true, field: 'permit-sftp@regate' }
      : refused('permit-sftp@regate', because)
  },
  'env': (permissions, { name }) => {
    const globs = permissions['permit-env@regate'] ?? usualEnvironment
    return verdict(
      'permit-env@regate',
      globs.some((glob) => globMatches(glob, name)),
      'does not name it',
    )
  },
  'direct-tcpip': (permissions, { host, port }) => forward(permissions, 'permit-open@regate', host, port),
  'tcpip-forward': (permissions, { host, port }) => forward(permissions, 'permit-listen@regate', host, port),
  'direct-streamlocal': (permissions, { path }) => socket(permissions, 'open', path),
  'streamlocal-forward': (permissions, { path }) => socket(permissions, 'listen', path),
}

/** Any TCP forward, until one of the two lists is there: then only what they name, the missing one naming nothing. */
function forward(
  permissions: Permissions,
  list: 'permit-open@regate' | 'permit-listen@regate',
  host: string,
  port: number,
): Verdict {
  const general = flag(permissions, 'permit-port-forwarding')
  if (!general.permitted) return general
  if (permissions['permit-open@regate'] === undefined && permissions['permit-listen@regate'] === undefined)
    return general
  const named: readonly Destination[] = permissions[list] ?? []
  return verdict(
    list,
    named.some((rule) => destinationMatches(rule, host, port)),
    'does not name it',
  )
}

/** sshd asks for permit-port-forwarding here too; it alone opens no socket. */
function socket(permissions: Permissions, direction: 'open' | 'listen', path: ByteString): Verdict {
  const general = flag(permissions, 'permit-port-forwarding')
  if (!general.permitted) return general
  const sockets = permissions['permit-socket@regate']
  if (sockets === undefined) return lacks('permit-socket@regate')
  const named = sockets[direction].some((glob) => pathMatches(glob, path))
  return verdict('permit-socket@regate', named, 'does not name it')
}

const pathMatches = (glob: Glob, path: ByteString): boolean =>
  path.startsWith('/') && (isLiteral(glob) || !stepsUp(path)) && globMatches(glob, path)

type Flag =
  | 'permit-pty'
  | 'permit-agent-forwarding'
  | 'permit-X11-forwarding'
  | 'permit-port-forwarding'
  | 'permit-shell@regate'
const flag = (permissions: Permissions, name: Flag): Verdict =>
  permissions[name] === true ? { permitted: true, field: name } : lacks(name)

const verdict = (field: Field, permitted: boolean, because: string): Verdict =>
  permitted ? { permitted, field } : refused(field, because)
const refused = (field: Field, because: string): Verdict => ({ permitted: false, field, because })
const lacks = (field: Field): Verdict => refused(field, 'is not in the certificate')
