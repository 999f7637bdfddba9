import { randomUUID } from 'node:crypto'
import { permit } from '../../enforcement/permit.ts'
import { asGatewayError, GatewayError } from '../../model/errors.ts'
import { logEnd } from '../../model/log.ts'
import { printableLines } from '../../model/text.ts'
import type { Milliseconds } from '../../model/units.ts'
import type { ChannelEnd } from '../../ssh/channel-end.ts'
import { admit } from '../admit.ts'
import type { LetIn } from '../authentication.ts'
import { live } from '../let-in.ts'
import { textOf } from '../verdicts.ts'
import { type Refusal, refusal } from '../words.ts'
import { knockOf } from './here.ts'
import type { Choice } from './menu.ts'
import { type Replayed, Takeover } from './takeover.ts'
import type { Visit, VisitParts } from './visit.ts'

const others = 'close what else is open on this connection first'
/** How long a target may take from its login to a running program. */
const patience = 20_000 as Milliseconds

/**
 * Goes to a route in the channel in which it was chosen, without another sign-in: the same question, decision, certificate,
 * record and relay as for `login@route`. Undefined once that session is over, and the connection with it; else why nobody
 * was let in.
 */
export async function choose(
  { route, offered: { login } }: Choice,
  channel: ChannelEnd,
  requests: () => readonly Replayed[],
  { leg, endpoint, visitor }: Visit,
  parts: VisitParts,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { visiting, identity } = visitor
  const log = parts.log.child({ user: identity.username, route, login })
  const refuse = (fault: GatewayError, told = refusal(fault.code, { login, route })): Refusal => {
    logEnd(log, fault, 'refused')
    return told
  }
  if (endpoint.channels.length > 1) return { code: 'RELAY_LIMIT', lines: [others] }
  if (parts.clock() >= identity.expires_at) return refuse(new GatewayError('LOGIN_EXPIRED', 'while the menu was open'))
  const sessionId = randomUUID()
  const { loginId } = visiting
  using registered = parts.sessions.register({ sessionId, identity, ...(loginId === undefined ? {} : { loginId }) })
  const watched = {
    get fault() {
      return visiting.fault ?? registered.fault
    },
  }
  const knock = knockOf(visitor, sessionId, login, route, await registered.entered)
  const admission = await admit(knock, parts.steps, watched, AbortSignal.any([leg.signal, signal]))
  if (admission.outcome === 'sign-in')
    return refuse(new GatewayError('CHALLENGE_UNSUPPORTED', 'signed in, and asked again'))
  if (admission.outcome === 'refused') return refuse(admission.fault, admission.refusal)
  const unopened = terminalRefused(admission, parts)
  if (unopened !== undefined || endpoint.channels.length > 1 || channel.destroyed) {
    const fault = new GatewayError('NO_TERMINAL', unopened ?? 'the channel is gone, or not the only one')
    admission.target.cut(fault)
    return refuse(fault, { code: fault.code, lines: [unopened ?? others] })
  }
  const requested = (): Replayed[] => [...requests(), { name: 'shell', details: Buffer.alloc(0) }]
  const takeover = new Takeover(leg, () => endpoint.letGo(channel), requested, patience)
  const letIn = (): void => {
    if (channel.destroyed) throw new GatewayError('CLIENT_LEFT', 'closed the channel in which it was to go on')
    if (admission.banner !== '') channel.write(printableLines(`${admission.banner}\n`).replaceAll('\n', '\r\n'))
  }
  try {
    const { promise: ended, resolve: over } = Promise.withResolvers<void>()
    const denied = await live(leg, admission, { identity, registered }, parts, letIn, { before: takeover, over })
    if (denied !== undefined) return refuse(denied.fault, denied.refusal)
    await ended
    return undefined
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    admission.target.cut(fault)
    leg.cut(fault)
    return undefined
  }
}

/** The client was promised both before anybody knew what the certificate would say. */
function terminalRefused({ certificate }: LetIn, { clock }: VisitParts): string | undefined {
  for (const kind of ['pty', 'shell'] as const) {
    const verdict = permit(certificate, { kind }, clock())
    if (!verdict.permitted) return `no terminal there: ${textOf(verdict)}`
  }
  return undefined
}
