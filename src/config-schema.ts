import { type Static, Type } from './model/type.ts'

/*
 * `regate.yaml` as it is written. Each setting says what is expected there; defaults stand in config.ts. Closed: what no
 * version knows is an error, and what a later version will know is refused by name (see `later`).
 */
const closed = { additionalProperties: false } as const
const opt = Type.Optional

const text = (expected: string, pattern = '^.+$') => Type.String({ pattern, expected })
const path = text('a path')
const duration = text('a duration such as 50ms, 5s, 10m, 8h or 1d', '^\\d{1,9}(ms|s|m|h|d)$')
export const hostAndPort = text(
  'an address and a port such as 127.0.0.1:2222 or [::]:2222',
  '^(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]]+):\\d{1,5}$',
)
const count = (least: number, most: number) =>
  Type.Integer({ minimum: least, maximum: most, expected: `a whole number from ${least} to ${most}` })
const caKey = text('a path, or agent:/path/to.sock#SHA256:…')
const cidrs = (expected: string) => Type.Array(Type.String(), { expected })

const Token = Type.Object(
  {
    name: text('a name for the log'),
    sha256: text('the SHA-256 of the token, 64 hexadecimal digits', '^[0-9a-f]{64}$'),
    groups: Type.Array(Type.String()),
  },
  closed,
)

const Route = Type.Object(
  {
    name: text(
      'a name such as db1, or a pattern such as *.lab',
      '^([a-z0-9][a-z0-9.-]{0,62}|\\*\\.[a-z0-9][a-z0-9.-]{0,60})$',
    ),
    host: text('a host name or an address'),
    port: opt(count(1, 65_535)),
    labels: opt(Type.Object({}, { additionalProperties: { type: 'string', expected: 'a text' } })),
    host_keys: opt(Type.Array(text('a public key: "ssh-ed25519 AAAA…"'))),
    known_hosts: opt(path),
    principals: opt(Type.Union([Type.Literal('login'), Type.Literal('roles')])),
  },
  closed,
)

/** OpenSSH: sshd_config(5), PerSourcePenalties and PerSourcePenaltyExemptList. */
export const penaltiesSchema = Type.Object(
  {
    crash: opt(duration),
    authfail: opt(duration),
    grace_exceeded: opt(duration),
    refuse_connection: opt(duration),
    noauth: opt(duration),
    min: opt(duration),
    max: opt(duration),
    sources: opt(count(1, 1_000_000)),
    overflow: opt(Type.Union([Type.Literal('permissive'), Type.Literal('deny_all')])),
    exempt: opt(cidrs('a list of CIDRs')),
  },
  closed,
)

export const limitsSchema = Type.Object(
  {
    unauthenticated: opt(count(1, 100_000)),
    unauthenticated_per_source: opt(count(1, 100_000)),
    unauthenticated_drop_from: opt(count(1, 100_000)),
    unauthenticated_drop_percent: opt(count(1, 100)),
    sign_ins: opt(count(1, 100_000)),
    sign_ins_per_source: opt(count(1, 100_000)),
    sign_ins_per_minute: opt(count(1, 100_000)),
    sign_ins_per_minute_per_source: opt(count(1, 100_000)),
    stranger_refusals_per_minute: opt(count(1, 100_000)),
    ident_wait: opt(duration),
    grace: opt(duration),
    sign_in_grace: opt(duration),
    offers: opt(count(1, 1_000)),
    attempts: opt(count(1, 1_000)),
    rsa_bits: opt(count(2_048, 8_192)),
    sessions: opt(count(1, 100_000)),
    sessions_per_person: opt(count(1, 100_000)),
    channels: opt(count(1, 10_000)),
    unanswered: opt(count(1, 10_000)),
    jumps: opt(count(1, 1_000)),
    menu_idle: opt(duration),
    connect: opt(duration),
    handshake: opt(duration),
    rekey_bytes: opt(text('a size from 1MiB to 1024MiB', '^([1-9]\\d{0,2}|10[01]\\d|102[0-4])MiB$')),
    rekey_after: opt(duration),
    penalties: opt(penaltiesSchema),
  },
  closed,
)

export const configSchema = Type.Object(
  {
    gateway: Type.Object(
      {
        name: opt(text('a name of letters, digits, dots and dashes', '^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$')),
        listen: opt(hostAndPort),
        host_keys: Type.Array(path, { minItems: 1, expected: 'a list of at least one key file' }),
        host_names: opt(
          Type.Array(text('a host name in lower case', '^[a-z0-9:][a-z0-9.:_-]{0,252}$'), {
            maxItems: 16,
            expected: 'a list of at most 16 host names',
          }),
        ),
        default_route: opt(text('the name of a route', '^[a-z0-9][a-z0-9.-]{0,62}$')),
        key_exchange: opt(Type.Union([Type.Literal('any'), Type.Literal('post-quantum')])),
        login_case: opt(Type.Union([Type.Literal('lower'), Type.Literal('any')])),
        shutdown_grace: opt(duration),
        proxy_protocol_from: opt(cidrs('a list of CIDRs')),
      },
      closed,
    ),
    http: opt(Type.Object({ listen: opt(hostAndPort), tokens: opt(Type.Array(Token)) }, closed)),
    ca: Type.Object(
      {
        key: caKey,
        also_trusted: opt(Type.Array(path)),
        host_key: opt(caKey),
        host_also_trusted: opt(Type.Array(path)),
      },
      closed,
    ),
    certificate: opt(
      Type.Object(
        {
          max_ttl: opt(count(1, 3_600)),
          source_address: opt(
            Type.Union([Type.Literal('auto'), Type.Literal('off'), cidrs('a list of CIDRs')], {
              expected: 'auto, off, or a list of CIDRs',
            }),
          ),
        },
        closed,
      ),
    ),
    policy: Type.Object(
      {
        bundle: path,
        deadline: opt(duration),
        poll: opt(duration),
        memory: opt(text('a size such as 64MiB', '^\\d{1,4}MiB$')),
        workers: opt(count(1, 16)),
      },
      closed,
    ),
    identity: Type.Object(
      {
        issuer: text('the URL of an OpenID provider', '^https?://.+$'),
        client_id: text('the client id that the provider knows'),
        client_secret: opt(text('a secret')),
        client_secret_file: opt(path),
        flow: opt(Type.Union([Type.Literal('device')])),
        scopes: opt(Type.Array(text('a scope', '^[\\x21-\\x7e]+$'), { minItems: 1, expected: 'a list of scopes' })),
        username_claim: opt(
          Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
            expected: 'a claim, or a list of claims of which the first that is there counts',
          }),
        ),
        groups_claim: opt(text('a claim')),
        keys: opt(path),
        login_ttl: opt(duration),
        login_from: opt(Type.Union([Type.Literal('address'), Type.Literal('prefix'), Type.Literal('anywhere')])),
      },
      closed,
    ),
    workers: opt(count(1, 64)),
    store: opt(text('sqlite: and a path', '^sqlite:.+$')),
    log: opt(
      Type.Object(
        {
          level: opt(
            Type.Union(['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level))),
          ),
          decisions: opt(Type.Object({ console: opt(Type.Boolean({ expected: 'true or false' })) }, closed)),
        },
        closed,
      ),
    ),
    limits: opt(limitsSchema),
    routes: Type.Array(Route, { expected: 'a list of routes' }),
  },
  closed,
)

export type WrittenConfig = Static<typeof configSchema>

/** Settings of the design that this version does not have yet: refused by name, so that nobody believes them at work. */
export const later: readonly (readonly [pointer: RegExp, value: (value: unknown) => boolean, what: string])[] = [
  [/^\/http\/(public_url|trusted_proxies)$/, isSet, 'the console and the browser flow'],
  [/^\/policy\/(verification_key|bearer_token_file)$/, isSet, 'bundles that are signed'],
  [/^\/policy\/bundle$/, (value) => /^https?:/.test(String(value)), 'bundles that are fetched'],
  [/^\/identity\/flow$/, (value) => value === 'browser', 'the browser flow'],
  [/^\/identity\/recheck$/, isSet, 'rechecks of logins'],
  [/^\/store$/, (value) => /^postgres(ql)?:/.test(String(value)), 'PostgreSQL'],
  [/^\/log\/upload$/, isSet, 'the upload of decisions'],
  [/^\/recordings$/, isSet, 'recordings'],
]

function isSet(value: unknown): boolean {
  return !(Array.isArray(value) && value.length === 0)
}
