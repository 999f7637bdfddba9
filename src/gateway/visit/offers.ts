import type { Decision, Requirement } from '../../model/decision.ts'
import { asGatewayError, type ErrorCode } from '../../model/errors.ts'
import type { Login } from '../../model/units.ts'
import { decisionOf } from '../../policy/engine.ts'
import { type LoginCase, parseLogin } from '../names.ts'
import { type HereParts, inputFor, tryOffers } from './here.ts'
import type { Visitor } from './visit.ts'

/** What the policy would open to this person now. */
export interface Offer {
  readonly route: string
  readonly logins: readonly [OfferedLogin, ...OfferedLogin[]]
}
export interface OfferedLogin {
  readonly login: Login
  /** Asked for on the way; empty when nothing is. */
  readonly require: readonly Requirement['type'][]
  /** Whether a terminal with a shell, or with the forced command, would be opened; not known while something is asked for. */
  readonly terminal?: boolean
}
/** A route, or none: then `fault` says when the policy gave no answer. */
export interface Listed {
  readonly offer?: Offer
  readonly fault?: ErrorCode
}

/** Routes that are looked at side by side. */
const atOnce = 4
/** Logins of one route that are looked at. */
const loginsMost = 32

/**
 * Asks of every route that can be listed which logins the grants hold out (`ssh/offers`), and confirms each by a decision.
 * In the order of the configuration; nothing of it is written down.
 */
export async function* listOffers(
  visitor: Visitor,
  loginCase: LoginCase,
  parts: HereParts,
  signal: AbortSignal,
): AsyncGenerator<Listed> {
  using _turn = await parts.here.listings.take()
  const names = parts.here.routeNames()
  for (let at = 0; at < names.length && !signal.aborted; at += atOnce)
    yield* await Promise.all(names.slice(at, at + atOnce).map((name) => look(name, visitor, loginCase, parts)))
}

async function look(name: string, visitor: Visitor, loginCase: LoginCase, parts: HereParts): Promise<Listed> {
  try {
    const logins: OfferedLogin[] = []
    for (const login of await heldOut(name, visitor, loginCase, parts)) {
      const input = await inputFor(visitor, login, name, parts)
      if (input === undefined) return {}
      const offered = offeredBy(decisionOf(await parts.here.tryOut('ssh/decision', input)))
      if (offered !== undefined) logins.push({ login, ...offered })
    }
    const [first, ...others] = logins
    return first === undefined ? {} : { offer: { route: name, logins: [first, ...others] } }
  } catch (thrown) {
    return { fault: asGatewayError(thrown, 'INTERNAL', 'a decision that cannot be read').code }
  }
}

/** The visitor's own name first, when it is one of them. Where the policy cannot say, that name is tried alone. */
async function heldOut(name: string, visitor: Visitor, loginCase: LoginCase, parts: HereParts): Promise<Login[]> {
  const own = visitor.asked.login
  const input = await inputFor(visitor, own, name, parts)
  if (input === undefined) return []
  if (input.target.principals === 'roles' || !parts.here.entrypoints().includes('ssh/offers')) return [own]
  const evaluation = await tryOffers(input, parts)
  if (evaluation.came === 'failed') throw evaluation.error
  const offered: unknown = evaluation.came === 'answered' ? evaluation.result : []
  if (!Array.isArray(offered)) return []
  const logins = offered.flatMap((text) => (typeof text === 'string' ? (parseLogin(text, { loginCase }) ?? []) : []))
  const distinct = [...new Set(logins)].slice(0, loginsMost)
  return distinct.includes(own) ? [own, ...distinct.filter((login) => login !== own)] : distinct
}

/** What others must approve cannot be had on the way. */
function offeredBy(decision: Decision): Omit<OfferedLogin, 'login'> | undefined {
  if (decision.outcome === 'allow') {
    const { critical_options: options = {}, extensions = {} } = decision.certificate
    const runs = 'force-command' in options || 'permit-shell@regate' in extensions
    return { require: [], terminal: runs && 'permit-pty' in extensions }
  }
  if (decision.outcome === 'deny' || decision.require.some(({ type }) => type !== 'reason')) return undefined
  return { require: [...new Set(decision.require.map(({ type }) => type))] }
}
