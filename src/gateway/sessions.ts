import type { PolicyIdentity } from '../model/context.ts'
import type { GatewayError } from '../model/errors.ts'

/** One connection from when its person is known to its end, whether it has been let in yet or not. */
export interface Registered extends Disposable {
  /** The person's other sessions: those let in, and those that began to ask before this one. */
  readonly others: number
  /** It has been let in; `cut` ends it. */
  live(cut: (why: GatewayError) => void): void
}

type Entry = { readonly person: string; readonly number: number; cut?: (why: GatewayError) => void }

/** Who is here. A connection registers before it asks, so that two that come at once do not both pass for the only one. */
export class Sessions {
  readonly #entries = new Set<Entry>()
  #count = 0

  get live(): number {
    return [...this.#entries].filter((entry) => entry.cut !== undefined).length
  }

  register(identity: PolicyIdentity): Registered {
    const entry: Entry = { person: JSON.stringify([identity.issuer, identity.subject]), number: this.#count++ }
    this.#entries.add(entry)
    const entries = this.#entries
    return {
      get others() {
        const counts = (other: Entry): boolean => other.cut !== undefined || other.number < entry.number
        return [...entries].filter((other) => other !== entry && other.person === entry.person && counts(other)).length
      },
      live(cut) {
        entry.cut = cut
      },
      [Symbol.dispose]() {
        entries.delete(entry)
      },
    }
  }

  cutAll(why: GatewayError): void {
    for (const entry of this.#entries) entry.cut?.(why)
  }
}
