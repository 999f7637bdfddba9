import { permit } from '../enforcement/permit.ts'
import type { GatewayError } from '../model/errors.ts'
import { faultFields, type Log } from '../model/log.ts'
import { printable } from '../model/text.ts'
import type { Clock } from '../model/units.ts'
import { disconnectReason, type Leg } from '../ssh/leg.ts'
import { Ends } from './ends.ts'
import type { Life } from './life.ts'
import { type RelaySettings, relay } from './relay.ts'
import { type RenewalParts, renewals } from './renewals.ts'
import type { Registered } from './sessions.ts'
import type { Judge, Refusal } from './verdicts.ts'
import { refusal } from './words.ts'

export interface SessionParts extends RenewalParts {
  readonly relay: RelaySettings
  readonly clock: Clock
  readonly log: Log
}

/**
 * A live session: what passes between client and target under the certificate in force, until either of them, or the
 * certificate, or the policy, or somebody who may cut it, ends it. Both legs end together.
 */
export async function carry(
  client: Leg,
  target: Leg,
  life: Life,
  registered: Registered,
  parts: SessionParts,
): Promise<void> {
  const { log } = parts
  const began = performance.now()
  log.info({}, 'session began')
  const cut = (why: GatewayError): void => target.cut(why)
  registered.letIn(cut)
  const refusals = new Refusals(log)
  const relayed = relay(client, target, judgeBy(life, parts.clock, refusals), parts.relay)
  using ends = new Ends(life.startedAt, () => relayed.bytes.client + relayed.bytes.target, cut)
  ends.set(life.certificate)
  let told: string | undefined
  void renewals(
    life,
    {
      renewed(certificate) {
        ends.set(certificate)
        relayed.narrow()
        log.info({ key_id: certificate.keyId, serial: `${certificate.serial}` }, 'certificate renewed')
      },
      failed: (fault) => log.warn(faultFields(fault), 'the policy gave no answer, and is asked again'),
      denied(fault, { lines }) {
        told = lines[0]
        cut(fault)
      },
    },
    parts,
    AbortSignal.any([client.signal, target.signal]),
  )
  const why = await firstEnd(client, target)
  target.cut(why)
  client.disconnect(disconnectReason.byApplication, told ?? refusal(why.code).lines[0], why)
  const seconds = Math.round((performance.now() - began) / 1000)
  log.info({ ...faultFields(why), seconds, ...relayed.bytes, refusals: refusals.count }, 'session ended')
}

function judgeBy(life: Life, clock: Clock, refusals: Refusals): Judge {
  return {
    permit: (ask) => permit(life.certificate, ask, clock()),
    environment: () => life.certificate.permissions['set-env@regate'] ?? {},
    opened: () => {},
    exited: () => {},
    refused: (what, refusal) => refusals.add(what, refusal),
  }
}

/** Lines for what was refused on a connection: so many are enough to see what somebody tries, and no flood. */
const refusalLines = 100

class Refusals {
  readonly #log: Log
  #count = 0

  constructor(log: Log) {
    this.#log = log
  }

  get count(): number {
    return this.#count
  }

  add(what: string, { field, because }: Refusal): void {
    if (++this.#count > refusalLines) return
    const more = this.#count === refusalLines ? { more: 'from here on they are only counted' } : {}
    const fields = { what: printable(what, 120), field, because: printable(because, 200), ...more }
    this.#log.info(fields, 'refused on the connection')
  }
}

async function firstEnd(client: Leg, target: Leg): Promise<GatewayError> {
  const ended = AbortSignal.any([client.signal, target.signal])
  if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }))
  return ended.reason as GatewayError
}
