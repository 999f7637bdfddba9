import type { Shown } from '../model/certificate.ts'
import type { GatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd } from '../model/log.ts'
import type { Session, SessionBytes, SessionCertificate, SessionEnd, SessionEvent } from '../model/session-event.ts'
import { printable } from '../model/text.ts'
import type { UnixSeconds } from '../model/units.ts'
import type { Measures } from './measures.ts'
import type { Exit, Refusal, Witness } from './verdicts.ts'

/** Where the lives of sessions are kept. None of the calls waits, and none fails. */
export interface History {
  began(session: Session): void
  event(id: string, event: SessionEvent): void
  ended(id: string, end: SessionEnd): void
}

/** Lines of the log for what was refused on a connection: enough to see what somebody tries, and no flood. */
const refusalLines = 100

/** Events for what was refused: what was opened must find room among those that are kept. */
const refusalEvents = 300

/** What happens in one session, told as it comes: to those who keep it, to the log, and to be counted. */
export class Chronicle implements Witness {
  readonly #session: Pick<Session, 'id' | 'started_at'>
  readonly #history: History
  readonly #measures: Measures
  readonly #log: Log
  #refusals = 0

  constructor(session: Pick<Session, 'id' | 'started_at'>, history: History, measures: Measures, log: Log) {
    this.#session = session
    this.#history = history
    this.#measures = measures
    this.#log = log
  }

  began(session: Session): void {
    this.#history.began(session)
    this.#log.info({}, 'session began')
  }

  opened(what: string, field: string, channel: number): void {
    this.#event({ kind: 'opened', what: printable(what, 200), channel, field })
  }

  refused(what: string, { field, because }: Refusal, channel?: number): void {
    this.#measures.refused(field ?? '')
    const told = {
      what: printable(what, 200),
      ...(field === undefined ? {} : { field }),
      because: printable(because, 200),
    }
    if (this.#refusals < refusalEvents)
      this.#event({ kind: 'refused', ...told, ...(channel === undefined ? {} : { channel }) })
    if (++this.#refusals > refusalLines) return
    const more = this.#refusals === refusalLines ? { more: 'from here on they are only counted' } : {}
    this.#log.info({ ...told, ...more }, 'refused on the connection')
  }

  exited(exit: Exit, channel: number): void {
    this.#event({ kind: 'exited', channel, ...exit })
  }

  closed(channel: number, bytes: SessionBytes): void {
    this.#event({ kind: 'closed', channel, bytes })
  }

  renewed(certificate: Shown, decisionId: string): void {
    this.#event({ kind: 'renewed', decision_id: decisionId, certificate: certificateOf(certificate) })
    this.#log.info({ key_id: certificate.keyId, serial: `${certificate.serial}` }, 'certificate renewed')
  }

  failed(fault: GatewayError): void {
    this.#log.warn(faultFields(fault), 'the policy gave no answer, and is asked again')
  }

  ended(why: GatewayError, bytes: SessionBytes, at: UnixSeconds): void {
    const message = printable(why.message, 200)
    this.#history.ended(this.#session.id, { ended_at: at, code: why.code, message, bytes })
    this.#measures.sessionEnded(why.code, bytes)
    const seconds = at - this.#session.started_at
    logEnd(this.#log, why, 'session ended', { seconds, ...bytes, refusals: this.#refusals })
  }

  #event(event: DistributiveOmit<SessionEvent, 'timestamp'>): void {
    this.#history.event(this.#session.id, { timestamp: new Date().toISOString(), ...event })
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never

export const certificateOf = ({ serial, validBefore }: Shown): SessionCertificate => ({
  serial: serial.toString(),
  valid_before: validBefore,
})
