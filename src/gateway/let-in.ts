import type { PolicyIdentity } from '../model/context.ts'
import type { Log } from '../model/log.ts'
import type { Session } from '../model/session-event.ts'
import type { Clock } from '../model/units.ts'
import type { Leg } from '../ssh/leg.ts'
import type { Admitted } from './admit.ts'
import type { LetIn } from './authentication.ts'
import { Chronicle, certificateOf, type History } from './chronicle.ts'
import type { Steps } from './decide.ts'
import { Life } from './life.ts'
import type { Measures } from './measures.ts'
import type { Mouth, RelaySettings } from './relay.ts'
import type { RenewalParts } from './renewals.ts'
import { carry } from './session.ts'
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

/**
 * From the login at the target to the end of the session. Nobody is let in whose answer does not hold any more: then the
 * target is left, and why is the answer. `letIn` is called once nothing stands in the way.
 */
export async function live(
  client: Leg,
  admission: LetIn,
  whose: Whose,
  parts: LiveParts,
  letIn: () => void,
  before: Mouth = client,
): Promise<Required<Denied> | undefined> {
  const { certificate, target, knock } = admission
  const { identity, registered } = whose
  const life = new Life(admission, parts.clock(), async () => (await registered.now()).others, parts.steps)
  const denied = await settle(life, registered, AbortSignal.any([client.signal, target.signal]), letIn)
  if (denied !== undefined) {
    const { fault } = denied
    target.cut(fault)
    return { fault, refusal: denied.refusal ?? refusal(fault.code, knock.asked) }
  }
  const who = {
    session: knock.sessionId,
    user: identity.username,
    key_id: certificate.keyId,
    serial: `${certificate.serial}`,
  }
  const session = sessionOf(admission, whose, life)
  const chronicle = new Chronicle(session, parts.history, parts.measures, parts.log.child(who))
  await carry(client, target, life, { ...parts, relay: parts.settings.relay, before, registered, session, chronicle })
  return undefined
}

function sessionOf(admission: Admitted, { identity, registered: { loginId } }: Whose, life: Life): Session {
  const { asked, connection, sessionId } = admission.knock
  const { issuer, subject, username } = identity
  return {
    id: sessionId,
    person: { issuer, subject, username },
    route: asked.route,
    login: asked.login,
    source: connection.source,
    ...(loginId === undefined ? {} : { login_id: loginId }),
    started_at: life.startedAt,
    certificate: certificateOf(life.certificate),
    decision_id: admission.decisionId,
  }
}
