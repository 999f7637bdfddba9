import type { PolicyIdentity } from '../model/context.ts'
import { type Log, withFields } from '../model/log.ts'
import type { Clock } from '../model/units.ts'
import type { Leg } from '../ssh/leg.ts'
import type { LetIn } from './authentication.ts'
import { Chronicle, type History } from './chronicle.ts'
import type { Steps } from './decide.ts'
import { Life } from './life.ts'
import type { Measures } from './measures.ts'
import type { Mouth, RelaySettings } from './relay.ts'
import type { RenewalParts } from './renewals.ts'
import { LiveSession } from './session.ts'
import type { Registered } from './sessions.ts'
import { type Denied, settle } from './settle.ts'
import { refusal } from './words.ts'

export interface LiveParts extends RenewalParts {
  readonly steps: Steps
  readonly history: History
  readonly measures: Measures
  readonly settings: { readonly relay: RelaySettings }
  readonly log: Log
  readonly clock: Clock
}
/** Whose session it will be. */
export interface Whose {
  readonly identity: PolicyIdentity
  readonly registered: Registered
}

/** How it goes on where the client has not come for this session alone. */
export interface Within {
  /** Stands between the relay and the client. */
  readonly before: Mouth
  /** Called when the session has ended. */
  over(): void
}

/**
 * From the login at the target to the live session, which goes on by itself: `registered` is its own from then on. Nobody is
 * let in whose answer does not hold any more: then the target is left, and why is the answer. `letIn` is called once nothing
 * stands in the way.
 */
export async function live(
  client: Leg,
  admission: LetIn,
  whose: Whose,
  parts: LiveParts,
  letIn: () => void,
  { before, over }: Within = { before: client, over: nothing },
): Promise<Required<Denied> | undefined> {
  const { target, knock } = admission
  const { registered } = whose
  const life = lifeOf(admission, registered, parts)
  const denied = await settle(life, registered, firstOf(client.signal, target.signal), letIn)
  if (denied === undefined) return begin(client, target, life, whose, parts, { before, over })
  const { fault } = denied
  target.cut(fault)
  return { fault, refusal: denied.refusal ?? refusal(fault.code, knock.asked) }
}

const lifeOf = (admission: LetIn, registered: Registered, { clock, steps }: LiveParts): Life =>
  new Life(admission, clock(), async () => (await registered.now()).others, steps)

/** For as long as somebody is let in: whether one of the two ends has gone, and why. */
const firstOf = (...signals: readonly AbortSignal[]) => ({
  get aborted(): boolean {
    return signals.some(({ aborted }) => aborted)
  },
  get reason(): unknown {
    return signals.find(({ aborted }) => aborted)?.reason
  },
})

function begin(
  client: Leg,
  target: Leg,
  life: Life,
  { identity, registered }: Whose,
  parts: LiveParts,
  { before, over }: Within,
): undefined {
  const { history, measures, settings, clock, epoch, turns } = parts
  const { certificate, knock, startedAt } = life
  const { keyId, serial } = certificate
  const log = withFields(parts.log, {
    session: knock.sessionId,
    user: identity.username,
    key_id: keyId,
    serial: `${serial}`,
  })
  const chronicle = new Chronicle({ id: knock.sessionId, started_at: startedAt }, history, measures, log)
  const its = { relay: settings.relay, before, registered, chronicle, clock, renewal: { epoch, turns } }
  try {
    new LiveSession(client, target, life, its, over)
  } catch (thrown) {
    registered[Symbol.dispose]()
    throw thrown
  }
}

const nothing = (): void => {}
