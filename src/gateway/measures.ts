import type { ErrorCode } from '../model/errors.ts'
import type { SessionBytes } from '../model/session-event.ts'

/** What the SSH side tells to be counted. None of them may cost much, or fail. */
export interface Measures {
  signIn(result: 'signed-in' | ErrorCode): void
  /** At the door, before anything was read: no place was left. */
  turnedAway(): void
  sessionEnded(code: ErrorCode, bytes: SessionBytes): void
  /** Something on a live connection; `field` of the certificate decided, or was lacking. */
  refused(field: string): void
}
