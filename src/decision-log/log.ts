import { GatewayError } from '../model/errors.ts'
import { type DecisionRecord, decisionEvent, type Writer } from './record.ts'

/** An event on its way to the store, with what it can be found by. */
export interface StoredEvent {
  readonly decisionId: string
  readonly timestamp: string
  readonly outcome: string
  readonly code?: string
  readonly username?: string
  readonly route: string
  /** Absent for a what-if. */
  readonly sessionId?: string
  readonly kind: string
  readonly bytes: Uint8Array
}
/** Resolves when the event can no longer be lost. */
export type Append = (event: StoredEvent) => Promise<void>

export interface DecisionLog {
  /** Resolves when the record is durable; LOG_NOT_DURABLE otherwise, and then nothing may come of the decision. */
  append(record: DecisionRecord): Promise<void>
}

/** `show` gets each event once it is durable, for `log.decisions.console`. */
export function createDecisionLog(store: Append, writer: Writer, show: (event: string) => void): DecisionLog {
  return {
    async append(record) {
      const event = decisionEvent(record, writer)
      try {
        await store(toStore(record, event))
      } catch (cause) {
        throw new GatewayError('LOG_NOT_DURABLE', 'the decision could not be written down', { cause })
      }
      show(event)
    },
  }
}

function toStore(record: DecisionRecord, event: string): StoredEvent {
  const username = record.input.identity?.username
  return {
    decisionId: record.decisionId,
    timestamp: new Date(record.at).toISOString(),
    outcome: record.outcome,
    route: record.input.target.route,
    kind: record.kind,
    bytes: Buffer.from(event, 'utf8'),
    ...(record.kind === 'ssh' ? { sessionId: record.sessionId } : {}),
    ...('code' in record && record.code !== undefined ? { code: record.code } : {}),
    ...(username === undefined ? {} : { username }),
  }
}
