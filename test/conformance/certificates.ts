import type { CertificateRequest, Extensions } from '../../src/model/certificate.ts'

/** Certificates by what is special about them: every combination of OpenSSH's own permits, and each field of ours. */
export type Field = Pick<CertificateRequest, 'extensions' | 'critical_options'>

const flags = [
  'permit-pty',
  'permit-agent-forwarding',
  'permit-X11-forwarding',
  'permit-port-forwarding',
  'permit-user-rc',
] as const
const programs: Extensions = {
  'permit-shell@regate': '',
  'permit-exec@regate': ['*'],
  'permit-subsystem@regate': ['sftp', 'nosuch'],
}

const subsets = Array.from({ length: 2 ** flags.length }, (_, bits) => flags.filter((_flag, bit) => bits & (1 << bit)))
const flagged = (names: readonly string[]): Extensions => Object.fromEntries(names.map((name) => [name, '']))

/** With the programs open, so that what is compared is OpenSSH's own field. */
const combinations: [string, Field][] = subsets.map((names) => [
  names.map((name) => name.replace('permit-', '')).join(' ') || 'no permit',
  { extensions: { ...flagged(names), ...programs } },
])

const forced = { 'force-command': 'echo forced $SSH_ORIGINAL_COMMAND' }
const forwards: Extensions = { 'permit-port-forwarding': '' }

export const certificatesFor = (port: number): Readonly<Record<string, Field>> => ({
  ...Object.fromEntries(combinations),
  'blank': {},
  'all of OpenSSH’s permits, none of ours': { extensions: flagged(flags) },
  'forced': { critical_options: forced },
  'forced, with permits': { critical_options: forced, extensions: flagged(flags) },
  'forced, with a list of commands': { critical_options: forced, extensions: { 'permit-exec@regate': ['nosuch'] } },
  'source-address': { critical_options: { 'source-address': ['127.0.0.0/8'] }, extensions: programs },
  'shell': { extensions: { 'permit-shell@regate': '' } },
  'one command': { extensions: { 'permit-exec@regate': ['true'] } },
  'no command': { extensions: { 'permit-exec@regate': [] } },
  'one subsystem': { extensions: { 'permit-subsystem@regate': ['sftp'] } },
  'open to the port': { extensions: { ...forwards, 'permit-open@regate': [`127.0.0.1:${port}`] } },
  'open to another port': { extensions: { ...forwards, 'permit-open@regate': ['127.0.0.1:1'] } },
  'open without port-forwarding': { extensions: { 'permit-open@regate': [`127.0.0.1:${port}`] } },
  'listen': { extensions: { ...forwards, 'permit-listen@regate': ['127.0.0.1:*'] } },
  'listen elsewhere': { extensions: { ...forwards, 'permit-listen@regate': ['127.0.0.2:*'] } },
  'sockets': { extensions: { ...forwards, 'permit-socket@regate': { open: ['/**'], listen: ['/**'] } } },
  'sockets without port-forwarding': { extensions: { 'permit-socket@regate': { open: ['/**'], listen: ['/**'] } } },
  'other sockets': { extensions: { ...forwards, 'permit-socket@regate': { open: ['/x'], listen: ['/x'] } } },
  'variables': { extensions: { 'permit-env@regate': ['SECRET'] } },
  'no session': { extensions: { ...programs, 'max-sessions@regate': 0 } },
})
