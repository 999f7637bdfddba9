import { setTimeout as wait } from 'node:timers/promises'
import type { Identities } from '../identity/identities.ts'
import type { PolicyIdentity, PolicyKey } from '../model/context.ts'
import { GatewayError } from '../model/errors.ts'
import type { ProvenKey } from '../ssh/user-key.ts'
import { type Admission, admit, roundsMost, type Watched } from './admit.ts'
import type { Caller, Door, Reception } from './authentication.ts'
import type { Knock, Steps } from './decide.ts'
import type { Grace } from './grace.ts'
import type { Asked, AskedHere } from './names.ts'
import type { Counts } from './registry.ts'
import type { Person, Registered, Sessions, Visiting } from './sessions.ts'
import { refuseOthers, type SignInParts, signInCaller } from './sign-in.ts'
import { refusal } from './words.ts'

export interface DoorParts {
  readonly steps: Steps
  readonly identities: Identities
  readonly signIn: SignInParts
  readonly sessions: Sessions
  /** Inside a jump: whose connection it is in. Nobody else is let in. */
  readonly person?: PolicyIdentity
}

/** As the policy gets it. The flags stand with FIDO keys alone, so that a rule without `not` is false of others. */
export const describeKey = ({ type, fingerprint, touch }: ProvenKey): PolicyKey => ({
  type,
  fingerprint,
  hardware: touch !== undefined,
  ...(touch === undefined ? {} : { user_present: touch.userPresent, user_verified: touch.userVerified }),
})

/**
 * A refusal, and that a sign-in is due, is told no sooner than this many milliseconds after the question: its timing tells
 * nothing of its reason, and not whether there is such a route, for which a policy had to be asked.
 */
const refusalPace = 100

/** Not registered, and so not counted: nobody knows who it is. */
const nobody: Counts = { others: 0, all: 0 }

/** The door as one connection meets it, and the place it has among the person's sessions once it is known whose it is. */
export class ConnectionDoor implements Door, Disposable {
  readonly #sessionId: string
  readonly #grace: Grace
  readonly #parts: DoorParts
  #registered: Registered | undefined
  #visiting: Visiting | undefined

  constructor(sessionId: string, grace: Grace, parts: DoorParts) {
    this.#sessionId = sessionId
    this.#grace = grace
    this.#parts = parts
  }

  /** There once the person is known, and has asked for a route. */
  get registered(): Registered | undefined {
    return this.#registered
  }

  /** There once the person is known, and has asked for none. */
  get visiting(): Visiting | undefined {
    return this.#visiting
  }

  /**
   * Registers whose it is before anything is asked for them; what was revoked meanwhile is looked for again. Whoever revokes,
   * in whichever process, first takes the login out of the store and then ends what rests on it in every process, this one
   * too (see everywhere.ts). That order comes either before the look at `ends`, which is then another, and nothing is found
   * any more; or after it, and so after the registration, which comes without a pause: then it ends what was registered.
   */
  async remembered({ asked, key, source }: Caller): Promise<PolicyIdentity | undefined> {
    if (key === undefined) return undefined
    const { identities, sessions } = this.#parts
    for (let round = 1; round <= roundsMost; round++) {
      const { ends } = sessions
      const known = await identities.find(key, source)
      if (known === undefined) return undefined
      refuseOthers(known.identity, this.#parts.person)
      // Whoever ended something in between did not see this one yet.
      if (sessions.ends === ends) {
        this.#register(asked, known)
        return known.identity
      }
    }
    throw new GatewayError('POLICY_BUSY', 'logins are revoked without end')
  }

  async signIn(caller: Caller, show: (text: string) => Promise<void>, signal: AbortSignal): Promise<PolicyIdentity> {
    using _longer = this.#grace.signIn()
    const { identity, login } = await signInCaller(caller, show, signal, this.#parts)
    const loginId = login === undefined ? {} : { loginId: login.id }
    this.#register(caller.asked, { identity, ...loginId })
    const kept = caller.key === undefined ? undefined : await this.#parts.identities.find(caller.key, caller.source)
    if (login !== undefined && kept?.loginId !== login.id)
      throw new GatewayError('LOGIN_REVOKED', 'the login was revoked as soon as it was made')
    return identity
  }

  async admit(caller: Caller, identity: PolicyIdentity | undefined, signal: AbortSignal) {
    const begun = performance.now()
    const watched = this.#registered ?? { fault: undefined }
    const { route } = caller.asked
    const admission =
      route === undefined
        ? await this.#receive({ ...caller, asked: caller.asked }, identity)
        : await this.#admit({ ...caller, asked: { ...caller.asked, route } }, identity, watched, signal)
    const left = refusalPace - (performance.now() - begun)
    const isPaced = admission.outcome === 'refused' || admission.outcome === 'sign-in'
    if (isPaced && left > 0) await wait(left, undefined, { signal }).catch(() => {})
    return admission
  }

  /** Nothing of what a policy guards is opened: whoever is known may come in, unless nobody may, or there is no room. */
  async #receive(caller: Caller<AskedHere>, identity: PolicyIdentity | undefined): Promise<Admission | Reception> {
    const { steps } = this.#parts
    const counts = await this.#visiting?.entered
    const fault = this.#visiting?.fault ?? steps.closed() ?? (counts && steps.full(counts))
    if (fault !== undefined) return { outcome: 'refused', refusal: refusal(fault.code), fault }
    return identity === undefined ? { outcome: 'sign-in' } : { outcome: 'received', caller }
  }

  #register(asked: Caller['asked'], whose: Omit<Person, 'sessionId'>): void {
    this[Symbol.dispose]()
    const person = { ...whose, sessionId: this.#sessionId }
    if (asked.route === undefined) this.#visiting = this.#parts.sessions.visit(person)
    else this.#registered = this.#parts.sessions.register(person)
  }

  async #admit(
    { asked, connection, key }: Caller<Asked>,
    identity: PolicyIdentity | undefined,
    watched: Watched,
    signal: AbortSignal,
  ): Promise<Admission> {
    const counts = await this.#registered?.entered
    const knock: Knock = {
      sessionId: this.#sessionId,
      asked,
      connection,
      counts: counts ?? nobody,
      ...(key === undefined ? {} : { key: describeKey(key) }),
      ...(identity === undefined ? {} : { identity }),
    }
    return admit(knock, this.#parts.steps, watched, signal)
  }

  /** Whoever has what was registered ends it. */
  letGo(): void {
    this.#registered = undefined
  }

  [Symbol.dispose](): void {
    this.#registered?.[Symbol.dispose]()
    this.#visiting?.[Symbol.dispose]()
  }
}
