import { type Address, parseAddress } from '../model/address.ts'
import type { PolicyConnection, PolicyIdentity } from '../model/context.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { ascii, printable, printableLines } from '../model/text.ts'
import type { Attempt, Client } from '../ssh/server.ts'
import { disconnectReason } from '../ssh/transport-messages.ts'
import type { ProvenKey, UserKey } from '../ssh/user-key.ts'
import type { Admission } from './admit.ts'
import { type Asked, type AskedHere, type NameRules, parseUserName } from './names.ts'
import { type Refusal, refusal, refusalText } from './words.ts'

export interface AuthenticationSettings extends NameRules {
  /** Bits of an RSA key, at least. */
  readonly rsaBits: number
  /** Offers of keys on one connection, and attempts that were signed or begun in earnest. */
  readonly offers: number
  readonly attempts: number
}

/** Who stands at the door. The key is one that was proven over this very session. */
export interface Caller<What = Asked | AskedHere> {
  readonly asked: What
  readonly source: Address
  readonly connection: PolicyConnection
  readonly key?: ProvenKey
}

/** What the door is asked. None of them rejects for a reason that the caller may not be told. */
export interface Door {
  /** The live login that this key opens from this place. */
  remembered(caller: Caller): Promise<PolicyIdentity | undefined>
  admit(caller: Caller, identity: PolicyIdentity | undefined, signal: AbortSignal): Promise<Admission | Reception>
  /** Waits for the person at the identity provider; `show` puts the code on their terminal. */
  signIn(caller: Caller, show: (text: string) => Promise<void>, signal: AbortSignal): Promise<PolicyIdentity>
}

/** The connection ends at the gateway: no policy was asked, since nothing is opened. */
export interface Reception {
  readonly outcome: 'received'
  readonly caller: Caller<AskedHere>
}
export type LetIn = Extract<Admission, { outcome: 'admitted' }>
/** Told and disconnected, with what was wrong; or let in, with the attempt that is still to be answered. */
export type Outcome =
  | {
      readonly outcome: 'admitted'
      readonly admission: LetIn | Reception
      readonly identity: PolicyIdentity
      accept(): void
      turnAway(told: Refusal, fault: GatewayError): void
    }
  | { readonly outcome: 'refused'; readonly fault: GatewayError }

/**
 * User authentication (RFC 4252) from the first request to the last: a key is proven, then, unless it has a live login, the
 * person signs in over keyboard-interactive (RFC 4256). The first key that is proven is the key of the connection; an
 * offer is only answered, and nothing is looked up for it.
 */
export class Authentication {
  readonly #client: Client
  readonly #door: Door
  readonly #settings: AuthenticationSettings
  readonly #connection: PolicyConnection
  #username: string | undefined
  #key: ProvenKey | undefined
  #offers = 0
  #attempts = 0
  /** Requests by methods that are not taken. */
  #asking = 0
  #toldOfKey = false
  /** The policy was asked without an identity, and wants to know who it is. */
  #signInDue = false

  constructor(client: Client, door: Door, settings: AuthenticationSettings, connection: PolicyConnection) {
    this.#client = client
    this.#door = door
    this.#settings = settings
    this.#connection = connection
  }

  async run(): Promise<Outcome> {
    const { signal } = this.#client.leg
    try {
      for await (const attempt of this.#client.attempts()) {
        const outcome = await this.#consider(attempt)
        if (outcome !== undefined) return outcome
      }
      throw signal.reason
    } catch (thrown) {
      const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
      return this.#turnAway(refusal(fault.code, this.#asked()), fault)
    }
  }

  /** Undefined: the attempt was answered, and the client may go on. */
  async #consider(attempt: Attempt): Promise<Outcome | undefined> {
    this.#username ??= attempt.username
    if (attempt.username !== this.#username) throw new GatewayError('PROTOCOL_ERROR', 'the user name changed')
    const asked = this.#asked()
    if (asked === undefined)
      throw new GatewayError('NAME_GRAMMAR', `no user name: "${printable(attempt.username, 120)}"`)
    switch (attempt.method) {
      case 'publickey':
        return this.#publicKey(attempt, asked)
      case 'keyboard-interactive':
        return this.#keyboardInteractive(attempt, asked)
      default:
        // Clients begin with one `none`, to learn the methods (RFC 4252 section 5.2).
        if (this.#asking++ > 0) this.#attempted()
        attempt.refuse(['publickey', 'keyboard-interactive'])
        return undefined
    }
  }

  #asked(): Asked | AskedHere | undefined {
    return this.#username === undefined ? undefined : parseUserName(this.#username, this.#settings)
  }

  async #publicKey(attempt: Attempt & { method: 'publickey' }, asked: Caller['asked']): Promise<Outcome | undefined> {
    const offered = this.#read(attempt)
    if (!attempt.proof) {
      if (++this.#offers > this.#settings.offers)
        throw new GatewayError('TOO_MANY_ATTEMPTS', `more than ${this.#settings.offers} keys`)
      if (offered === undefined || this.#key !== undefined) attempt.refuse(['publickey', 'keyboard-interactive'])
      else attempt.sign()
      return undefined
    }
    this.#attempted()
    const proven = offered === undefined || this.#key !== undefined ? undefined : attempt.prove(offered)
    if (proven === undefined) {
      attempt.refuse(['publickey', 'keyboard-interactive'])
      return undefined
    }
    this.#key = proven
    const caller = this.#caller(asked)
    const identity = await this.#door.remembered(caller)
    const admission = await this.#door.admit(caller, identity, this.#client.leg.signal)
    if (admission.outcome !== 'sign-in') return this.#conclude(admission, identity, attempt)
    this.#signInDue = true
    attempt.refuse(['keyboard-interactive'], true)
    return undefined
  }

  async #keyboardInteractive(
    attempt: Attempt & { method: 'keyboard-interactive' },
    asked: Caller['asked'],
  ): Promise<Outcome | undefined> {
    this.#attempted()
    const caller = this.#caller(asked)
    try {
      if (!this.#signInDue) {
        // Somebody without a key: what is closed to everyone is said before anybody has to sign in.
        const admission = await this.#door.admit(caller, undefined, attempt.signal)
        if (admission.outcome === 'refused')
          return await this.#tellAndTurnAway(attempt, admission.refusal, admission.fault)
        this.#signInDue = true
      }
      const identity = await this.#door.signIn(caller, (text) => attempt.tell(text), attempt.signal)
      const admission = await this.#door.admit(caller, identity, attempt.signal)
      if (admission.outcome === 'refused')
        return await this.#tellAndTurnAway(attempt, admission.refusal, admission.fault)
      return this.#conclude(admission, identity, attempt)
    } catch (thrown) {
      if (this.#client.leg.signal.aborted) throw this.#client.leg.signal.reason
      if (attempt.signal.aborted) return undefined // the client has begun another attempt
      const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
      return await this.#tellAndTurnAway(attempt, refusal(fault.code, asked), fault)
    }
  }

  #conclude(
    admission: Admission | Reception,
    identity: PolicyIdentity | undefined,
    attempt: { accept(): void },
  ): Outcome {
    if (admission.outcome === 'refused') return this.#turnAway(admission.refusal, admission.fault)
    if (admission.outcome !== 'sign-in' && identity !== undefined) {
      // Held for as long as the connection lasts, but what was proven, and by whom, is done with once it is accepted.
      let due: { accept(): void; turnAway(told: Refusal, fault: GatewayError): void } | undefined = {
        accept: () => attempt.accept(),
        turnAway: (told, fault) => void this.#turnAway(told, fault),
      }
      return {
        outcome: 'admitted',
        admission,
        identity,
        accept() {
          due?.accept()
          due = undefined
        },
        turnAway: (told, fault) => due?.turnAway(told, fault),
      }
    }
    throw new GatewayError('CHALLENGE_UNSUPPORTED', 'signed in, and asked to sign in again')
  }

  /** Undefined for a key that is not taken; the person is told which and why, once. */
  #read(attempt: Attempt & { method: 'publickey' }): UserKey | undefined {
    try {
      return attempt.key(this.#settings.rsaBits)
    } catch (thrown) {
      const fault = asGatewayError(thrown, 'KEY_UNSUPPORTED', 'a key that does not read')
      if (!this.#toldOfKey)
        this.#client.leg.banner(ascii(`regate: ${fault.message}; trying the next key, if there is one\n`, 400))
      this.#toldOfKey = true
      return undefined
    }
  }

  #attempted(): void {
    if (++this.#attempts > this.#settings.attempts)
      throw new GatewayError('TOO_MANY_ATTEMPTS', `more than ${this.#settings.attempts} attempts`)
  }

  #caller(asked: Caller['asked']): Caller {
    const source = parseAddress(this.#connection.source.ip)
    if (source === undefined) throw new GatewayError('INTERNAL', 'a source that is no address')
    return { asked, source, connection: this.#connection, ...(this.#key === undefined ? {} : { key: this.#key }) }
  }

  async #tellAndTurnAway(
    attempt: Attempt & { method: 'keyboard-interactive' },
    told: Refusal,
    fault: GatewayError,
  ): Promise<Outcome> {
    this.#pass(told)
    await attempt.tell(refusalText(told)).catch(() => {})
    return this.#leave(told, fault)
  }

  #turnAway(told: Refusal, fault: GatewayError): Outcome {
    this.#pass(told)
    this.#client.leg.banner(refusalText(told))
    return this.#leave(told, fault)
  }

  /** What the target would have the person read. */
  #pass({ said = '' }: Refusal): void {
    if (said !== '') this.#client.leg.banner(printableLines(said))
  }

  /** The description is what clients in batch mode see. */
  #leave(told: Refusal, fault: GatewayError): Outcome {
    this.#client.leg.disconnect(disconnectReason.noMoreAuthMethods, told.lines[0], fault)
    return { outcome: 'refused', fault }
  }
}
