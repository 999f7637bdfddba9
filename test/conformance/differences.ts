import type { Field } from './certificates.ts'

/** Where the gateway says no and sshd yes, on purpose. The other way round is never right. */
export interface Difference {
  readonly asks: readonly string[]
  /** In words, and as a condition on the certificate. */
  readonly when: string
  readonly holds: (field: Field) => boolean
  readonly because: string
}

const programs = ['exec true', 'exec echo', 'shell', 'subsystem sftp']
const inSession = [...programs, 'subsystem nosuch', 'pty-req', 'env LANG', 'env SECRET', 'x11-req', 'auth-agent-req']
const lacks =
  (name: 'permit-shell@regate' | 'permit-exec@regate' | 'permit-subsystem@regate' | 'permit-socket@regate') =>
  ({ extensions, critical_options }: Field): boolean =>
    critical_options?.['force-command'] === undefined && extensions?.[name] === undefined

export const differences: readonly Difference[] = [
  {
    asks: ['exec true', 'exec echo'],
    when: 'without `permit-exec@regate`',
    holds: lacks('permit-exec@regate'),
    because: 'blank permits nothing; OpenSSH has no field for it, and runs whatever is asked',
  },
  {
    asks: ['exec echo', 'exec true'],
    when: '`permit-exec@regate` names other commands',
    holds: ({ extensions }) => extensions?.['permit-exec@regate']?.includes('*') === false,
    because: 'commands are the gateway’s to tell apart',
  },
  {
    asks: ['shell'],
    when: 'without `permit-shell@regate`',
    holds: lacks('permit-shell@regate'),
    because: 'as for commands',
  },
  {
    asks: ['subsystem sftp'],
    when: 'without `permit-subsystem@regate`',
    holds: lacks('permit-subsystem@regate'),
    because: 'as for commands',
  },
  {
    asks: ['env SECRET'],
    when: '`permit-env@regate` does not name it, or is absent',
    holds: ({ extensions }) => extensions?.['permit-env@regate'] === undefined,
    because:
      'sshd asks its own AcceptEnv alone, which is `*` here; a variable can be a program (`LD_PRELOAD`, `BASH_ENV`)',
  },
  {
    asks: ['env LANG'],
    when: '`permit-env@regate` does not name it',
    holds: ({ extensions }) => extensions?.['permit-env@regate'] !== undefined,
    because: 'the list stands in place of `LANG`, `LC_*`, `COLORTERM`',
  },
  {
    asks: ['direct-tcpip'],
    when: '`permit-open@regate` does not name it, or `permit-listen@regate` stands alone',
    holds: ({ extensions }) =>
      extensions?.['permit-listen@regate'] !== undefined || extensions?.['permit-open@regate'] !== undefined,
    because: 'a certificate of OpenSSH opens all forwards or none',
  },
  {
    asks: ['tcpip-forward'],
    when: '`permit-listen@regate` does not name it, or `permit-open@regate` stands alone',
    holds: ({ extensions }) =>
      extensions?.['permit-listen@regate'] !== undefined || extensions?.['permit-open@regate'] !== undefined,
    because: 'a certificate of OpenSSH opens all forwards or none',
  },
  {
    asks: ['direct-streamlocal', 'streamlocal-forward'],
    when: 'without `permit-socket@regate`, or it does not name the path',
    holds: ({ extensions }) => extensions?.['permit-socket@regate']?.open?.includes('/**') !== true,
    because: 'a socket of the host may be as good as its root (Docker’s), so TCP forwarding does not open it',
  },
  {
    asks: ['session', ...inSession],
    when: 'more than `max-sessions@regate` at once',
    holds: ({ extensions }) => extensions?.['max-sessions@regate'] === 0,
    because: 'sshd has its own MaxSessions for everybody',
  },
]
