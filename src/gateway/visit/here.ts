import type { PolicyIdentity, PolicyInput } from '../../model/context.ts'
import type { Login } from '../../model/units.ts'
import type { Evaluation } from '../../policy/engine.ts'
import { inputOf, type Knock, type Steps } from '../decide.ts'
import { describeKey } from '../door.ts'
import type { Counts } from '../registry.ts'
import type { LiveOne, Sessions } from '../sessions.ts'
import type { Turns } from '../turns.ts'
import type { Visitor } from './visit.ts'

export type Entrypoint = 'ssh/decision' | 'ssh/offers' | 'ssh/explain'

/** What the gateway tells somebody who is signed in. Each call is made on their own behalf. */
export interface Here {
  /** Names of the routes that can be listed, as they are configured now; patterns are not among them. */
  routeNames(): readonly string[]
  /** What the policy in force can be asked. */
  entrypoints(): readonly string[]
  /** Evaluates apart from admissions; nothing comes of it, and nothing is written down. Never rejects. */
  tryOut(entrypoint: Entrypoint, input: unknown): Promise<Evaluation>
  /** Listings that may be made at the same time. */
  readonly listings: Turns
  /** An event of the decision log as JSON text, whosever it is. */
  decision(id: string): Promise<string | undefined>
  /** The person's live sessions. */
  sessionsOf(identity: PolicyIdentity): Promise<readonly LiveOne[]>
  /** Takes a login away and cuts what rests on it; false when there was none. */
  revoke(loginId: string): Promise<boolean>
}

export interface HereParts {
  readonly here: Here
  readonly steps: Steps
  readonly sessions: Sessions
}

/** The visitor, as if they asked for that login on that route. */
export function knockOf(visitor: Visitor, sessionId: string, login: Login, route: string, counts: Counts): Knock {
  const { connection, identity, key } = visitor
  return {
    sessionId,
    asked: { login, route },
    connection,
    identity,
    counts,
    ...(key === undefined ? {} : { key: describeKey(key) }),
  }
}

/** Asks which logins the grants hold out on a route (`ssh/offers`), whichever login the input names. */
export function tryOffers(
  { target: { login: _, ...target }, ...input }: PolicyInput,
  { here }: HereParts,
): Promise<Evaluation> {
  return here.tryOut('ssh/offers', { ...input, target })
}

/** What the policy would be asked with; undefined when no route has that name. */
export async function inputFor(
  visitor: Visitor,
  login: Login,
  name: string,
  parts: HereParts,
): Promise<PolicyInput | undefined> {
  const route = parts.steps.route(name)
  if (route === undefined) return undefined
  const others = await parts.sessions.count(visitor.identity)
  return inputOf(knockOf(visitor, '', login, name, { others, all: others }), route)
}
