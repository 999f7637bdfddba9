import type { Api } from './api.ts'

/** What the tour reads of an event of the decision log (OPA's schema; `mapped_result` is what was really done). */
export interface DecisionEvent {
  readonly decision_id: string
  readonly timestamp: string
  readonly labels: { readonly session_id: string }
  readonly input: {
    /** Absent: nobody had signed in. */
    readonly identity?: { readonly username: string; readonly groups: readonly string[] }
    readonly connection: { readonly jump: boolean }
    readonly target: { readonly route: string; readonly login: string }
    /** Absent: it was about to begin. */
    readonly session?: { readonly renewals: number }
  }
  /** Absent: the policy was not asked. */
  readonly result?: {
    readonly grant?: string
    readonly reasons?: readonly { readonly code: string; readonly message: string }[]
  }
  readonly mapped_result: {
    readonly outcome: string
    readonly code?: string
    readonly certificate?: {
      readonly key_id: string
      readonly serial: string
      readonly signed: string
      readonly extensions: Readonly<Record<string, unknown>>
    }
  }
}

export function readEvents(text: string): readonly DecisionEvent[] {
  return (JSON.parse(text) as { decisions: readonly DecisionEvent[] }).decisions
}

/** The gateway's decision log as the tour sees it grow. */
export class DecisionLog {
  readonly #api: Api
  readonly #seen = new Map<string, DecisionEvent>()

  constructor(api: Api) {
    this.#api = api
  }

  /** Of the list, newest first. */
  get url(): string {
    return `${this.#api.url}/v1/decisions`
  }

  /** All ids so far, oldest first. */
  get ids(): readonly string[] {
    return [...this.#seen.keys()]
  }

  /** The first that is about this person. */
  firstOf(username: string): DecisionEvent {
    const found = this.#seen.values().find(({ input }) => input.identity?.username === username)
    if (found === undefined) throw new Error(`no decision about ${username}`)
    return found
  }

  /** What has come since the last time, oldest first. */
  async news(): Promise<readonly DecisionEvent[]> {
    const news = readEvents(await this.#api.get('/v1/decisions'))
      .filter(({ decision_id }) => !this.#seen.has(decision_id))
      .toReversed()
    for (const event of news) this.#seen.set(event.decision_id, event)
    return news
  }
}
