import type { Cidr } from './address.ts'
import type { CommandRule } from './command.ts'
import type { Destination } from './destination.ts'
import type { Glob } from './glob.ts'
import type { SftpRule } from './sftp.ts'
import { type Static, Type } from './type.ts'
import type { Fingerprint, Principal, UnixSeconds } from './units.ts'

const closed = { additionalProperties: false } as const
const flag = (description: string) => Type.Optional(Type.Literal('', { description }))
const words = { minLength: 1, maxLength: 1024 } as const
const list = (description: string) => Type.Optional(Type.Array(Type.String(words), { maxItems: 256, description }))

/** Critical options as Rego writes them: OpenSSH's names (PROTOCOL.certkeys). sshd refuses what it does not know of these. */
export const CriticalOptions = Type.Object(
  {
    'force-command': Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'opens shell, exec and subsystem, in place of which sshd runs this',
      }),
    ),
    'source-address': Type.Optional(
      Type.Array(Type.String(words), {
        minItems: 1,
        maxItems: 64,
        description: 'CIDRs, which must cover the gateway’s own address; set by the gateway when absent',
      }),
    ),
  },
  closed,
)

/** For what belongs to the contract and is not enforced yet: a test holds it to what is refused. */
const later = 'refused in this version'

/** Extensions as Rego writes them. OpenSSH's are flags; those of `@regate` carry JSON, and sshd ignores them. */
export const Extensions = Type.Object(
  {
    'permit-pty': flag('a terminal'),
    'permit-agent-forwarding': flag('`ssh -A`'),
    'permit-X11-forwarding': flag('`ssh -X`'),
    'permit-port-forwarding': flag(
      'any TCP forward; with `permit-open@regate` or `permit-listen@regate` only what those name',
    ),
    'permit-user-rc': flag('sshd runs `~/.ssh/rc`'),
    'permit-open@regate': list(
      '`host:port` for `ssh -L`, `-D`, `-W`: host an address, CIDR, name, `*.suffix` or `*`; port a number, range or `*`; needs `permit-port-forwarding`',
    ),
    'permit-listen@regate': list('`[host:]port` for `ssh -R`; needs `permit-port-forwarding`'),
    'permit-socket@regate': Type.Optional(
      Type.Object(
        { open: list('paths that may be reached'), listen: list('paths that may be listened on') },
        {
          ...closed,
          description:
            'Unix-socket forwards by path, where `*` stops at `/` and `**` does not; sshd wants `permit-port-forwarding` as well',
        },
      ),
    ),
    'permit-shell@regate': flag('a shell'),
    'permit-exec@regate': list('command patterns, or `["*"]` for any command'),
    'permit-subsystem@regate': list('subsystems by name: `["sftp"]`'),
    'permit-sftp@regate': Type.Optional(
      Type.Union(
        [
          Type.Literal('read'),
          Type.Literal('write'),
          Type.Object({ read: list('paths that may be read'), write: list('paths that may be written') }, closed),
        ],
        {
          description:
            'sftp: `"read"`, `"write"` (which reads too), or by path, where `*` stops at `/` and `**` does not; not together with `force-command`',
        },
      ),
    ),
    'permit-env@regate': list(
      'variables that the client may set, names with `*`; in place of `LANG`, `LC_*`, `COLORTERM`',
    ),
    'set-env@regate': Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: { type: 'string' },
          description:
            'variables that the gateway sets before all others, at most 64; `AcceptEnv` on the host must name them',
        },
      ),
    ),
    'max-sessions@regate': Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1000, description: 'session channels at once; 10 when absent' }),
    ),
    'idle-timeout@regate': Type.Optional(
      Type.Integer({ minimum: 1, description: 'seconds in which no channel carries data, then cut' }),
    ),
    'session-limit@regate': Type.Optional(
      Type.Integer({ minimum: 1, description: 'seconds since the login, then cut, whatever is renewed' }),
    ),
    'record-session@regate': Type.Optional(
      Type.Union([Type.Literal('output'), Type.Literal('full')], { description: `recorded, or no session; ${later}` }),
    ),
  },
  closed,
)

/** What a policy says of a user certificate; the rest of it is the gateway's to add. */
export const CertificateRequest = Type.Object(
  {
    principals: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 16,
      description:
        'accounts, of which the login asked for must be one, or roles that the host maps; each `[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}`',
    }),
    ttl: Type.Integer({
      minimum: 1,
      maximum: 3600,
      description: 'seconds; more than `certificate.max_ttl` (300) is refused, not cut',
    }),
    key_id: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'what the target’s log shows, before `/` and the decision id; the username when absent',
      }),
    ),
    critical_options: Type.Optional(CriticalOptions),
    extensions: Type.Optional(Extensions),
  },
  closed,
)

export type CriticalOptions = Static<typeof CriticalOptions>
export type Extensions = Static<typeof Extensions>
export type ExtensionName = keyof Extensions
export type CriticalOptionName = keyof CriticalOptions
export type CertificateRequest = Static<typeof CertificateRequest>

/**
 * What the extensions open, read once from the signed bytes. An absent field opens nothing; a list names what it opens,
 * and an empty one nothing.
 */
export interface Permissions {
  readonly 'permit-pty'?: true
  readonly 'permit-agent-forwarding'?: true
  readonly 'permit-X11-forwarding'?: true
  readonly 'permit-port-forwarding'?: true
  readonly 'permit-user-rc'?: true
  readonly 'permit-open@regate'?: readonly Destination[]
  readonly 'permit-listen@regate'?: readonly Destination[]
  readonly 'permit-socket@regate'?: { readonly open: readonly Glob[]; readonly listen: readonly Glob[] }
  readonly 'permit-shell@regate'?: true
  readonly 'permit-exec@regate'?: CommandRule
  readonly 'permit-subsystem@regate'?: readonly string[]
  readonly 'permit-sftp@regate'?: SftpRule
  readonly 'permit-env@regate'?: readonly Glob[]
  readonly 'max-sessions@regate'?: number
  readonly 'set-env@regate'?: Readonly<Record<string, string>>
  /** Seconds. */
  readonly 'idle-timeout@regate'?: number
  readonly 'session-limit@regate'?: number
}

/** A user certificate, decoded from signed bytes whose signature was verified. */
export interface Certificate {
  readonly serial: bigint
  /** Written to the target's log at each login: the person and the decision, not the account. */
  readonly keyId: string
  /** Never empty, since readers differ on what an empty list means. */
  readonly principals: readonly [Principal, ...Principal[]]
  /** First second that counts, and first second that counts no more. */
  readonly validAfter: UnixSeconds
  readonly validBefore: UnixSeconds
  /** Absent: what the client asks for runs. */
  readonly forceCommand?: string
  readonly sourceAddress?: readonly Cidr[]
  readonly permissions: Permissions
  /** The same options as Rego writes them, for people and for the log. */
  readonly criticalOptions: CriticalOptions
  readonly extensions: Extensions
  /** Of the key that the certificate certifies. */
  readonly subject: Fingerprint
  /** The certificate itself, as it goes over the wire. */
  readonly signed: Buffer
}

/** What is kept of it once it was shown: all that it says. */
export type Shown = Omit<Certificate, 'signed'>
