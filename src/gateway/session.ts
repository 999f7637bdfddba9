import { once } from 'node:events'
import { permit } from '../enforcement/permit.ts'
import { asGatewayError, type GatewayError } from '../model/errors.ts'
import type { Session } from '../model/session-event.ts'
import type { Clock } from '../model/units.ts'
import { disconnectReason, type Leg } from '../ssh/leg.ts'
import { type Chronicle, certificateOf } from './chronicle.ts'
import { Ends } from './ends.ts'
import type { Life } from './life.ts'
import { type Mouth, type RelaySettings, relay } from './relay.ts'
import { type Course, type RenewalParts, renewals } from './renewals.ts'
import type { Registered } from './sessions.ts'
import type { Judge } from './verdicts.ts'
import { refusal } from './words.ts'

export interface SessionParts extends RenewalParts {
  readonly relay: RelaySettings
  /** Stands between the relay and the client; absent: nothing does. */
  readonly before?: Mouth
  readonly registered: Registered
  /** As it begins. */
  readonly session: Session
  readonly chronicle: Chronicle
  readonly clock: Clock
}

/**
 * A live session: what passes between client and target under the certificate in force, until either of them, or the
 * certificate, or the policy, or somebody who may cut it, ends it. Both legs end together.
 */
export async function carry(client: Leg, target: Leg, life: Life, parts: SessionParts): Promise<void> {
  const { chronicle, clock } = parts
  const cut = (why: GatewayError): void => target.cut(why)
  chronicle.began()
  const relayed = relay(client, target, judgeBy(life, clock), chronicle, parts.relay, parts.before)
  parts.registered.letIn({
    session: () => ({ ...parts.session, certificate: certificateOf(life.certificate) }),
    bytes: () => ({ ...relayed.bytes }),
    certificate: () => life.certificate,
    cut,
  })
  using ends = new Ends(life.startedAt, life.robotUntil, () => relayed.bytes.to_client + relayed.bytes.to_target, cut)
  ends.set(life.certificate)
  let told: string | undefined
  const course: Course = {
    renewed(certificate, decisionId) {
      ends.set(certificate)
      relayed.narrow()
      chronicle.renewed(certificate, decisionId)
    },
    failed: (fault) => chronicle.failed(fault),
    denied(fault, { lines }) {
      told = lines[0]
      cut(fault)
    },
  }
  const over = AbortSignal.any([client.signal, target.signal])
  renewals(life, course, parts, over).catch((thrown: unknown) =>
    cut(asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')),
  )
  if (!over.aborted) await once(over, 'abort')
  const why = over.reason as GatewayError
  target.cut(why)
  client.disconnect(disconnectReason.byApplication, told ?? refusal(why.code).lines[0], why)
  chronicle.ended(why, relayed.bytes, clock())
}

const judgeBy = (life: Life, clock: Clock): Judge => ({
  permit: (ask) => permit(life.certificate, ask, clock()),
  environment: () => life.certificate.permissions['set-env@regate'] ?? {},
})
