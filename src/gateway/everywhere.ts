import type { GatewayError } from '../model/errors.ts'
import type { Session, SessionBytes } from '../model/session-event.ts'
import type { LiveOne, Person, Sessions } from './sessions.ts'

/** Which sessions and visits are meant: it goes from process to process as it stands. */
export type Whose = { readonly sessionId: string } | { readonly loginId: string }

/** The sessions of all processes. */
export interface Everywhere {
  /**
   * Ends those that are meant, let in or not, wherever they are. Answers how many there were, when it is done everywhere.
   * `more`: the same will be ended again; it is even if this process does not live to say so.
   */
  end(why: GatewayError, whose: Whose, more?: 'more'): Promise<number>
  /** Those that have been let in, in any order. */
  list(): Promise<readonly (Session & { readonly bytes: SessionBytes })[]>
  /** Those of one person that have been let in. */
  of(person: { readonly issuer: string; readonly subject: string }): Promise<readonly LiveOne[]>
}

export const isMeant =
  (whose: Whose) =>
  ({ sessionId, loginId }: Person): boolean =>
    'sessionId' in whose ? sessionId === whose.sessionId : loginId === whose.loginId

/** For the only process. */
export const onlyHere = (sessions: Sessions): Everywhere => ({
  end: async (why, whose) => sessions.end(why, isMeant(whose)),
  list: async () => sessions.list(),
  of: async (person) => sessions.of(person),
})
