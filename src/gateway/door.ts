import { setTimeout as wait } from 'node:timers/promises'
import type { Identities } from '../identity/identities.ts'
import type { PolicyIdentity } from '../model/context.ts'
import { admit, type Knock, type Steps } from './admit.ts'
import type { Caller, Door } from './authentication.ts'
import type { Grace } from './grace.ts'
import type { Registered, Sessions } from './sessions.ts'
import { type SignInParts, signInCaller } from './sign-in.ts'

export interface DoorParts {
  readonly steps: Steps
  readonly identities: Identities
  readonly signIn: SignInParts
  readonly sessions: Sessions
}

/** A refusal is told no sooner than this many milliseconds after the question: its timing tells nothing of its reason. */
const refusalPace = 100

/** The door as one connection meets it, and the place it has among the person's sessions once it is known whose it is. */
export class ConnectionDoor implements Door, Disposable {
  readonly #sessionId: string
  readonly #grace: Grace
  readonly #parts: DoorParts
  #registered: Registered | undefined

  constructor(sessionId: string, grace: Grace, parts: DoorParts) {
    this.#sessionId = sessionId
    this.#grace = grace
    this.#parts = parts
  }

  get registered(): Registered | undefined {
    return this.#registered
  }

  async remembered({ key, source }: Caller): Promise<PolicyIdentity | undefined> {
    return key === undefined ? undefined : (await this.#parts.identities.find(key, source))?.identity
  }

  async signIn(caller: Caller, show: (text: string) => Promise<void>, signal: AbortSignal): Promise<PolicyIdentity> {
    using _longer = this.#grace.signIn()
    return await signInCaller(caller, show, signal, this.#parts.signIn)
  }

  async admit(caller: Caller, identity: PolicyIdentity | undefined, signal: AbortSignal) {
    const begun = performance.now()
    if (identity !== undefined) this.#registered ??= this.#parts.sessions.register(identity)
    const admission = await admit(this.#knock(caller, identity), this.#parts.steps, signal)
    const left = refusalPace - (performance.now() - begun)
    if (admission.outcome === 'refused' && left > 0) await wait(left, undefined, { signal }).catch(() => {})
    return admission
  }

  #knock({ asked, connection, key }: Caller, identity: PolicyIdentity | undefined): Knock {
    return {
      sessionId: this.#sessionId,
      asked,
      connection,
      sessions: this.#registered?.others ?? 0,
      ...(key === undefined ? {} : { key: { type: key.type, fingerprint: key.fingerprint, hardware: false } }),
      ...(identity === undefined ? {} : { identity }),
    }
  }

  [Symbol.dispose](): void {
    this.#registered?.[Symbol.dispose]()
  }
}
