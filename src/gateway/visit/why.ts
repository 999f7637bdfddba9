import type { PolicyInput } from '../../model/context.ts'
import { Reason, Requirement } from '../../model/decision.ts'
import { type ErrorCode, errorCodes } from '../../model/errors.ts'
import { time } from '../../model/lines.ts'
import { shapeFaults } from '../../model/shape.ts'
import { isPrintable } from '../../model/text.ts'
import { type Static, Type } from '../../model/type.ts'
import { type LoginCase, parseLogin } from '../names.ts'
import { refusal } from '../words.ts'
import type { Output } from './commands.ts'
import { type HereParts, inputFor, tryOffers } from './here.ts'
import { facts } from './lines.ts'
import type { Visitor } from './visit.ts'

const Certificate = Type.Object({
  principals: Type.Array(Type.String()),
  valid_before: Type.Integer(),
  extensions: Type.Object({}, { additionalProperties: true }),
})
/** Of an event of the decision log, what a person is told; what is not known is passed over. */
const Event = Type.Object({
  labels: Type.Object({ kind: Type.Literal('ssh') }),
  timestamp: Type.String(),
  input: Type.Object({
    identity: Type.Object({ issuer: Type.String(), subject: Type.String(), username: Type.String() }),
    target: Type.Object({ route: Type.String(), login: Type.String() }),
    session: Type.Optional(Type.Object({ renewals: Type.Integer() })),
  }),
  result: Type.Optional(Type.Unknown()),
  mapped_result: Type.Object({
    outcome: Type.String(),
    code: Type.Optional(Type.String()),
    certificate: Type.Optional(Certificate),
  }),
})
type Event = Static<typeof Event>
const Told = Type.Object({ grant: Type.Optional(Type.String()), reasons: Type.Optional(Type.Array(Reason)) })

/** What `ssh/explain` answers, as far as it is told. */
const Explained = Type.Object({
  outcome: Type.String(),
  offered: Type.Array(Type.String()),
  eligible: Type.Array(Type.String()),
  closed: Type.Array(Reason),
  deny: Type.Array(Reason),
  require: Type.Array(Requirement),
})

/** A decision about the visitor. Another's is answered as one that is not there. */
export async function why(id: string, visitor: Visitor, loginCase: LoginCase, parts: HereParts): Promise<Output> {
  const event = /^[0-9a-f-]{36}$/.test(id) ? await parts.here.decision(id) : undefined
  const read: unknown = event === undefined ? undefined : JSON.parse(event)
  if (shapeFaults(Event, read).length > 0 || !isOf(read as Event, visitor))
    return { status: 1, stderr: 'no decision about you has that id' }
  const told = describe(id, read as Event)
  if ((read as Event).mapped_result.outcome === 'allow') return { status: 0, stdout: told }
  const changes = await whatWouldChange(read as Event, visitor, loginCase, parts)
  return { status: 0, stdout: [told, '', 'What would change it:', ...changes.map((line) => `  ${line}`)].join('\n') }
}

/** What is written down is made printable: a subject that is not could pass for another. */
function isOf({ input: { identity } }: Event, visitor: Visitor): boolean {
  const { issuer, subject, username } = visitor.identity
  const isSame = identity.issuer === issuer && identity.subject === subject && identity.username === username
  return isSame && isPrintable(issuer) && isPrintable(subject)
}

function describe(id: string, { timestamp, input, result, mapped_result: done }: Event): string {
  const { login, route } = input.target
  const { grant, reasons = [] } = shapeFaults(Told, result).length === 0 ? (result as Static<typeof Told>) : {}
  const code = (Object.hasOwn(errorCodes, done.code ?? '') ? done.code : 'INTERNAL') as ErrorCode
  const because =
    done.outcome === 'allow'
      ? reasons.map(({ message }) => message)
      : refusal(code, parseAsked(login, route), undefined, reasons).lines
  const { certificate } = done
  return facts([
    ['decision', id],
    ['time', time(timestamp)],
    ['asked for', `${login}@${route}`],
    ['renewal', input.session === undefined ? undefined : 'of a live session'],
    ['outcome', done.outcome === 'allow' ? 'allowed' : 'refused'],
    ...because.filter((line) => line !== '').map((line) => ['because', line] as const),
    ['grant', done.outcome === 'allow' ? grant : undefined],
    ['principals', certificate?.principals.join(', ')],
    ['until', certificate === undefined ? undefined : time(certificate.valid_before)],
    ['opens', certificate === undefined ? undefined : Object.keys(certificate.extensions).join(' ') || 'nothing'],
  ])
}

/** It was parsed when it was asked for. */
function parseAsked(login: string, route: string) {
  const parsed = parseLogin(login, { loginCase: 'any' })
  return parsed === undefined ? undefined : { login: parsed, route }
}

/**
 * As the policy in force sees it now, and the visitor from where they are. Of a route that is not there it says what it
 * says of one that nobody may know of.
 */
async function whatWouldChange(
  { input: { target } }: Event,
  visitor: Visitor,
  loginCase: LoginCase,
  parts: HereParts,
): Promise<string[]> {
  const silent = ['nothing that can be told here: ask those who write the policy']
  const login = parseLogin(target.login, { loginCase })
  const input = login === undefined ? undefined : await inputFor(visitor, login, target.route, parts)
  if (input === undefined || !parts.here.entrypoints().includes('ssh/explain')) return silent
  const evaluation = await parts.here.tryOut('ssh/explain', input)
  if (evaluation.came !== 'answered' || shapeFaults(Explained, evaluation.result).length > 0) return silent
  const { outcome, eligible, closed, deny, require } = evaluation.result as Static<typeof Explained>
  if (outcome === 'allow') return ['nothing stands in the way any more: connect again']
  const denied = [...closed, ...deny].filter(({ message }) => message !== '')
  const lines = denied.map(({ code, message }) => `no longer: ${message} [${code}]`)
  if (eligible.length === 0) lines.push(...(await otherLogins(input, parts)))
  else lines.push(...require.map(wanted))
  return lines.length === 0 ? silent : lines
}

async function otherLogins(input: PolicyInput, parts: HereParts): Promise<string[]> {
  if (!parts.here.entrypoints().includes('ssh/offers')) return []
  const evaluation = await tryOffers(input, parts)
  const logins = evaluation.came === 'answered' && Array.isArray(evaluation.result) ? evaluation.result : []
  const names = logins.filter((login) => typeof login === 'string').slice(0, 32)
  return names.length === 0 ? [] : [`another login: ${names.join(', ')}`]
}

function wanted(requirement: Requirement): string {
  switch (requirement.type) {
    case 'login':
      return 'a newer sign-in'
    case 'reason':
      return `an answer to: ${requirement.prompt}`
    case 'approval':
      return `the approval of ${requirement.count} of: ${requirement.from.join(', ')}`
  }
}
