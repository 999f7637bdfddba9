import { permit } from '../enforcement/permit.ts'
import type { Certificate } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { type Log, logEnd } from '../model/log.ts'
import { printable } from '../model/text.ts'
import type { Clock } from '../model/units.ts'
import { disconnectReason, type Leg } from '../ssh/leg.ts'
import type { Measures } from './measures.ts'
import { type Judge, type RelaySettings, relay } from './relay.ts'
import type { Registered } from './sessions.ts'
import { refusal } from './words.ts'

export interface SessionParts {
  readonly relay: RelaySettings
  readonly clock: Clock
  readonly measures: Pick<Measures, 'refused'>
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
  parts: SessionParts,
): Promise<void> {
  const { log } = parts
  const began = performance.now()
  log.info({}, 'session began')
  const cut = (why: GatewayError): void => target.cut(why)
  registered?.live(cut)
  relay(client, target, judgeBy(certificate, parts), parts.relay)
  const left = certificate.validBefore * 1000 - Date.now()
  const end = setTimeout(
    () => cut(new GatewayError('CERTIFICATE_EXPIRED', 'the certificate has ended')),
    Math.max(0, left),
  )
  const why = await firstEnd(client, target)
  clearTimeout(end)
  target.cut(why)
  client.disconnect(disconnectReason.byApplication, refusal(why.code).lines[0], why)
  logEnd(log.child({ seconds: Math.round((performance.now() - began) / 1000) }), why, 'session ended')
}

function judgeBy(certificate: Certificate, { clock, measures, log }: SessionParts): Judge {
  return {
    permit: (ask) => permit(certificate, ask, clock()),
    refused(what, { field, because }) {
      measures.refused(field ?? 'none')
      log.info({ what: printable(what, 120), field, because: printable(because, 200) }, 'refused on the connection')
    },
  }
}

async function firstEnd(client: Leg, target: Leg): Promise<GatewayError> {
  const ended = AbortSignal.any([client.signal, target.signal])
  if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }))
  return ended.reason as GatewayError
}
