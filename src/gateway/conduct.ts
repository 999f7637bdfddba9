import type { GatewayError } from '../model/errors.ts'
import type { Attempt, Client } from '../ssh/server.ts'
import type { Door } from './authentication.ts'
import { type Offence, offenceIn } from './offences.ts'
import type { Place } from './places.ts'

/** What one connection does until it is let in: looked at from outside, and judged when it was not. */
export class Conduct implements Disposable {
  readonly #place: Place
  #failed = false
  #known = false
  #signingIn = false
  /** Questions to the door that are under way. */
  #waiting = 0
  #kept = false
  #signal: AbortSignal | undefined
  readonly #left = (): void => {
    this.#kept = this.#waiting > 0
  }

  constructor(place: Place) {
    this.#place = place
  }

  /** The same client; attempts that fail are noted. */
  ofClient(client: Client): Client {
    this.#signal = client.leg.signal
    this.#signal.addEventListener('abort', this.#left)
    const attempts = (): AsyncIterable<Attempt> => this.#watched(client.attempts())
    return { leg: client.leg, version: client.version, kex: client.kex, attempts }
  }

  /** The same door; while a sign-in waits for its person, others may come. */
  ofDoor(door: Door): Door {
    return {
      remembered: (caller) => this.#asking(door.remembered(caller)),
      admit: (caller, identity, signal) => {
        if (identity !== undefined) this.#known = true
        return this.#asking(door.admit(caller, identity, signal))
      },
      signIn: async (caller, show, signal) => {
        using _aside = this.#place.aside()
        const shown = (text: string): Promise<void> => {
          this.#signingIn = true
          return show(text)
        }
        return await door.signIn(caller, shown, signal)
      },
    }
  }

  /** Undefined: nothing that anybody would be penalised for. */
  offence(fault: GatewayError): Offence | undefined {
    const [failed, known, signingIn, kept] = [this.#failed, this.#known, this.#signingIn, this.#kept]
    return offenceIn({ fault, failed, known, signingIn, kept })
  }

  async #asking<Answer>(answer: Promise<Answer>): Promise<Answer> {
    this.#waiting++
    try {
      return await answer
    } finally {
      this.#waiting--
    }
  }

  async *#watched(attempts: AsyncIterable<Attempt>): AsyncGenerator<Attempt> {
    for await (const attempt of attempts) {
      if (attempt.method === 'other') this.#failed = true
      yield attempt.method === 'publickey' ? this.#watchedKey(attempt) : attempt
    }
  }

  #watchedKey(attempt: Attempt & { method: 'publickey' }): Attempt {
    return {
      ...attempt,
      prove: (key) => {
        const proven = attempt.prove(key)
        if (proven === undefined) this.#failed = true
        return proven
      },
    }
  }

  /** It is looked at no more. */
  [Symbol.dispose](): void {
    this.#signal?.removeEventListener('abort', this.#left)
  }
}
