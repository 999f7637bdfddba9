import type { ErrorCode } from '../model/errors.ts'
import type { SessionBytes } from '../model/session-event.ts'
import type { Offence } from './offences.ts'

export type TurnedAway = Extract<ErrorCode, 'TOO_MANY_CONNECTIONS' | 'SOURCE_PENALISED' | 'PROXY_HEADER'>

/** What the SSH side tells to be counted. None of them may cost much, or fail. */
export interface Measures {
  signIn(result: 'signed-in' | ErrorCode): void
  /** At the door, before any key exchange. */
  turnedAway(code: TurnedAway): void
  /** Nothing caught it; it has ended one connection. */
  faulted(door: 'ssh' | 'http'): void
  penalised(offence: Offence): void
  sessionEnded(code: ErrorCode, bytes: SessionBytes): void
  /** Something on a live connection; `field` of the certificate decided, or was lacking. */
  refused(field: string): void
}
