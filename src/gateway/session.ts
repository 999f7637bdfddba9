import { permit } from '../enforcement/permit.ts'
import type { Certificate } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { faultFields, type Log } from '../model/log.ts'
import { printable } from '../model/text.ts'
import type { Clock } from '../model/units.ts'
import { disconnectReason, type Leg } from '../ssh/leg.ts'
import { type RelaySettings, relay } from './relay.ts'
import type { Registered } from './sessions.ts'
import type { Judge, Refusal } from './verdicts.ts'
import { refusal } from './words.ts'

export interface SessionParts {
  readonly relay: RelaySettings
  readonly clock: Clock
  readonly log: Log
}

/**
 * A live session: what passes between client and target under one certificate, until either of them, or the certificate,
 * or somebody who may cut it, ends it. Both legs end together.
 */
export async function carry(
  client: Leg,
  target: Leg,
  certificate: Certificate,
  registered: Registered | undefined,
  { relay: settings, clock, log }: SessionParts,
): Promise<void> {
  const began = performance.now()
  log.info({}, 'session began')
  const cut = (why: GatewayError): void => target.cut(why)
  registered?.live(cut)
  const refusals = new Refusals(log)
  relay(client, target, judgeBy(certificate, clock, refusals), settings)
  const left = certificate.validBefore * 1000 - Date.now()
  const end = setTimeout(
    () => cut(new GatewayError('CERTIFICATE_EXPIRED', 'the certificate has ended')),
    Math.max(0, left),
  )
  const why = await firstEnd(client, target)
  clearTimeout(end)
  target.cut(why)
  client.disconnect(disconnectReason.byApplication, refusal(why.code).lines[0], why)
  const seconds = Math.round((performance.now() - began) / 1000)
  log.info({ ...faultFields(why), seconds, refusals: refusals.count }, 'session ended')
}

function judgeBy(certificate: Certificate, clock: Clock, refusals: Refusals): Judge {
  return {
    permit: (ask) => permit(certificate, ask, clock()),
    environment: () => ({}),
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
