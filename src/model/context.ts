import { type Static, Type } from './type.ts'

/**
 * What a policy is asked with: contract `ssh/v1`. Closed, and what is not known is absent, never null: `not input.x` is
 * false for a null in Rego, so a rule that demands `x` would silently demand nothing.
 */
const closed = { additionalProperties: false } as const
const text = (description: string) => Type.String({ description })
const seconds = (description: string) => Type.Integer({ minimum: 0, description: `${description}; Unix seconds` })

export const PolicyIdentity = Type.Object(
  {
    subject: text('`sub` of the ID token; of a robot the fingerprint of its key'),
    issuer: Type.String({ description: 'the identity provider’s issuer URL; `keys` for a robot' }),
    username: text(
      'the first of the configured claims that is there, always the same person’s; a robot’s from its file',
    ),
    email: Type.Optional(text('`email` of the ID token')),
    email_verified: Type.Optional(Type.Boolean({ description: '`email_verified` of the ID token' })),
    groups: Type.Array(Type.String(), { description: 'the configured claim; empty when the token has none' }),
    amr: Type.Optional(Type.Array(Type.String(), { description: 'authentication methods (RFC 8176)' })),
    acr: Type.Optional(text('authentication context class')),
    auth_time: Type.Optional(seconds('when the person last signed in at the identity provider')),
    expires_at: seconds('when this login or key ends; for a key without an end the last second of the year 9999'),
    claims: Type.Object(
      {},
      { additionalProperties: true, description: 'every claim of the ID token; empty for a robot' },
    ),
    kind: Type.Union([Type.Literal('person'), Type.Literal('robot')], {
      description: 'who signs in, or what has a key in the file of robots',
    }),
    login: Type.Object(
      {
        at: seconds('when the sign-in ended well; of a robot the time of this connection'),
        flow: Type.Union([Type.Literal('device'), Type.Literal('browser'), Type.Literal('keys')], {
          description: 'how; never `browser` in this version',
        }),
        source_ip: Type.Optional(text('the browser’s address; browser flow only, so never there in this version')),
        ssh_source_ip: text(
          'the address from which the sign-in was begun by ssh; of a robot the address of this connection',
        ),
      },
      closed,
    ),
  },
  { ...closed, description: 'who it is; absent until the person has signed in' },
)

export const PolicyKey = Type.Object(
  {
    type: text('`ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, …'),
    fingerprint: text('`SHA256:…`'),
    hardware: Type.Boolean({ description: 'held by a FIDO token' }),
    user_present: Type.Optional(
      Type.Boolean({ description: 'somebody touched it for this very login; FIDO keys only' }),
    ),
    user_verified: Type.Optional(Type.Boolean({ description: 'by a PIN or a finger; FIDO keys only' })),
  },
  { ...closed, description: 'the key that was proven; absent when the client proved none' },
)

export const PolicyConnection = Type.Object(
  {
    id: text('of this connection'),
    source: Type.Object(
      { ip: text('canonical: a mapped IPv4 address stands as IPv4'), port: Type.Integer() },
      { ...closed, description: 'where the client connects from' },
    ),
    gateway: text('`gateway.name` of the configuration'),
    client_version: text('the identification line, `SSH-2.0-OpenSSH_10.2`'),
    kex: text('the key exchange that was agreed on'),
    jump: Type.Boolean({ description: 'reached as a jump (`ssh -J`)' }),
  },
  { ...closed, description: 'the connection that asks' },
)

const PolicyTarget = Type.Object(
  {
    route: text('the route’s name'),
    login: Type.Optional(text('the account asked for; absent when `ssh/offers` is asked')),
    host: text('the host that the route leads to'),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    principals: Type.Union([Type.Literal('login'), Type.Literal('roles')], {
      description: 'whether a principal must be the login itself, or a role that the host maps to accounts',
    }),
    labels: Type.Object({}, { additionalProperties: { type: 'string' }, description: 'the route’s labels' }),
  },
  { ...closed, description: 'what is asked for' },
)

const PolicyApproval = Type.Object(
  {
    id: Type.String(),
    by: Type.Object({ subject: Type.String(), username: Type.String(), groups: Type.Array(Type.String()) }, closed),
    at: seconds('when it was given'),
    expires: seconds('when it ends'),
  },
  closed,
)

export const PolicyInput = Type.Object(
  {
    version: Type.Literal('ssh/v1'),
    identity: Type.Optional(PolicyIdentity),
    key: Type.Optional(PolicyKey),
    connection: PolicyConnection,
    target: PolicyTarget,
    request: Type.Object(
      {
        reason: Type.Optional(text('what the person gave as the reason; never asked for in this version')),
        approvals: Type.Array(PolicyApproval, { description: 'what others have approved; empty in this version' }),
      },
      { ...closed, description: 'what was given along with it' },
    ),
    session: Type.Optional(
      Type.Object(
        {
          id: text('of the session'),
          started_at: seconds('when it began'),
          renewals: Type.Integer({ minimum: 0, description: 'certificates since the first' }),
        },
        { ...closed, description: 'the live session; absent when it is about to begin' },
      ),
    ),
    usage: Type.Object(
      { sessions: Type.Integer({ minimum: 0, description: 'the person’s other live sessions on this gateway' }) },
      { ...closed, description: 'what is in use already' },
    ),
    facts: Type.Object(
      {},
      { additionalProperties: true, description: 'what was looked up for this connection; empty in this version' },
    ),
  },
  { ...closed, $id: 'ssh/v1/input', title: 'SSH access, contract ssh/v1: what the policy is asked with' },
)

export type PolicyInput = Static<typeof PolicyInput>
export type PolicyIdentity = Static<typeof PolicyIdentity>
export type PolicyKey = Static<typeof PolicyKey>
export type PolicyConnection = Static<typeof PolicyConnection>
