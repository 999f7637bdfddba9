import type { Api } from './api.ts'
import { soon } from './live-session.ts'

/** What the tour reads of `GET /v1/sessions/:id`. */
export interface SessionRecord {
  readonly id: string
  readonly state: 'live' | 'ended'
  /** The cached login that it rests on. */
  readonly login_id?: string
  readonly end?: { readonly code: string }
  readonly events: readonly {
    /** RFC 3339. */
    readonly timestamp: string
    readonly kind: string
    readonly what?: string
    /** Of the certificate. */
    readonly field?: string
  }[]
}

/** The session once it says what is waited for: what happens in a session is written down a moment later. */
export async function sessionRecord(
  id: string,
  says: (record: SessionRecord) => boolean,
  api: Api,
  signal: AbortSignal,
): Promise<SessionRecord> {
  const within = AbortSignal.any([signal, soon()])
  for (;;) {
    within.throwIfAborted()
    const record = JSON.parse(await api.get(`/v1/sessions/${id}`)) as SessionRecord
    if (says(record)) return record
  }
}
