import { type Static, Type } from './type.ts'

/*
 * What is kept of a session, live and ended, in the form in which the HTTP API tells it.
 *
 * Whoever carries a session tells its life in three calls, none of which waits or fails: `began(session)` once its person
 * is let in, `event(id, event)` for each thing of note, `ended(id, end)` when both legs are closed.
 */
const closed = { additionalProperties: false } as const
const text = (description: string) => Type.String({ description })
const unixSeconds = (description: string) => Type.Integer({ description: `${description}; Unix seconds` })
const channel = Type.Integer({ description: 'the client’s number for it' })

export const SessionCertificate = Type.Object(
  { serial: text('decimal'), valid_before: unixSeconds('first second that counts no more') },
  { ...closed, description: 'the certificate that governs the session' },
)
export const SessionBytes = Type.Object(
  { to_client: Type.Integer({ minimum: 0 }), to_target: Type.Integer({ minimum: 0 }) },
  { ...closed, description: 'payload that channels carried' },
)

/** A session as it began; `certificate` is the latest. */
export const Session = Type.Object(
  {
    id: text('`labels.session_id` of its decisions'),
    person: Type.Object({ issuer: Type.String(), subject: Type.String(), username: Type.String() }, closed),
    route: text('the route’s name'),
    login: text('the account on the target'),
    source: Type.Object({ ip: Type.String(), port: Type.Integer() }, closed),
    login_id: Type.Optional(text('the cached login it rests on; absent for a person without a key')),
    started_at: unixSeconds('when its person was let in'),
    certificate: SessionCertificate,
    decision_id: text('of the decision that let it in'),
  },
  closed,
)

export const SessionEnd = Type.Object(
  {
    ended_at: unixSeconds('when both legs were closed'),
    code: text('why, one of the codes of docs/operations.md'),
    message: Type.String(),
    bytes: SessionBytes,
  },
  closed,
)

const timestamp = text('RFC 3339, with milliseconds')
const event = <Kind extends string, Fields extends Parameters<typeof Type.Object>[0]>(kind: Kind, fields: Fields) =>
  Type.Object({ timestamp, kind: Type.Literal(kind), ...fields }, closed)
const what = text('`channel direct-tcpip`, `request exec`')

export const SessionEvent = Type.Union([
  event('opened', { what, channel: Type.Optional(channel), field: text('of the certificate: what opened it') }),
  event('refused', {
    what,
    channel: Type.Optional(channel),
    field: Type.Optional(text('of the certificate: what decided, or what it lacks')),
    because: Type.String(),
  }),
  event('renewed', { decision_id: text('of the decision that renewed it'), certificate: SessionCertificate }),
  event('exited', { channel, status: Type.Optional(Type.Integer()), signal: Type.Optional(Type.String()) }),
  event('closed', { channel, bytes: SessionBytes }),
  event('omitted', { because: text('more than are kept of one session') }),
])

export type Session = Static<typeof Session>
export type SessionCertificate = Static<typeof SessionCertificate>
export type SessionBytes = Static<typeof SessionBytes>
export type SessionEnd = Static<typeof SessionEnd>
export type SessionEvent = Static<typeof SessionEvent>
