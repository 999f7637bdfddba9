import type { SessionBytes } from '../model/session-event.ts'
import type { Leg } from '../ssh/leg.ts'

export interface RelaySettings {
  /** Channels open or being opened at once on one connection. */
  readonly channels: number
  /** Requests of one side that may be unanswered, on a channel or on the connection. */
  readonly unanswered: number
}

/** Where a side hears the relay and is heard: its leg, or what stands before that (see visit/takeover.ts). */
export type Mouth = Pick<Leg, 'send' | 'answer' | 'pass' | 'relay'>

/** A relay at work. */
export interface Relayed {
  /** Payload that channels carried so far. */
  readonly bytes: SessionBytes
  /** The certificate has changed: what the judge would not open now is closed, listeners at the target included. */
  narrow(): void
}
