import type { Ask, Field, Verdict } from '../model/channel.ts'
import type { SessionBytes } from '../model/session-event.ts'
import type { Row } from './requests.ts'

/** Bytes of a request that is remembered until it is answered: a host, a path, a cookie of X11. */
const keptMost = 4_096

export type Refusal = Extract<Verdict, { permitted: false }>

/** The certificate in force, as far as it is asked. */
export interface Judge {
  permit(ask: Ask): Verdict
  /** Variables that every session is given before all others. */
  environment(): Readonly<Record<string, string>>
}

/** How a program ended (RFC 4254 section 6.10). */
export type Exit = { readonly status: number } | { readonly signal: string }

/** Who hears what happens on a connection. `channel` is the client's number for it. */
export interface Witness {
  opened(what: string, field: string, channel: number): void
  refused(what: string, refusal: Refusal, channel?: number): void
  exited(exit: Exit, channel: number): void
  closed(channel: number, bytes: SessionBytes): void
}

/** The judge's verdicts, and those that need no certificate. Whatever is refused is told to the witness. */
export class Verdicts {
  readonly #judge: Judge
  readonly #witness: Witness

  constructor(judge: Judge, witness: Witness) {
    this.#judge = judge
    this.#witness = witness
  }

  /** `pass` needs no permit; what is to be kept is no refusal to tell of. */
  on(what: string, ask: ReturnType<Row<never>['ask']>, channel?: number): Verdict {
    if (ask === 'pass') return { permitted: true, field: 'validity' }
    if (ask === 'keep') return { permitted: false, because: 'is not passed on' }
    if (ask === 'never') return this.refuse(what, 'is never carried', channel)
    if (ask === 'awaited') return this.refuse(what, 'not asked for', channel)
    const verdict = this.#judge.permit(ask)
    if (!verdict.permitted) this.#witness.refused(what, verdict, channel)
    return verdict
  }

  /** By the row of the table that the request stands in; refused when it stands in none. */
  by<Message extends { readonly name: string; readonly details: Buffer }>(
    row: Row<Message> | undefined,
    message: Message,
    channel?: number,
  ): Verdict {
    const what = `request ${message.name}`
    if (row === undefined) return this.refuse(what, 'not known', channel)
    if (row.granted !== undefined && message.details.length > keptMost) return this.refuse(what, 'too long', channel)
    return this.on(what, row.ask(message), channel)
  }

  /** Refused whatever a certificate says. */
  refuse(what: string, because: string, channel?: number): Refusal {
    const refusal = { permitted: false, because } as const
    this.#witness.refused(what, refusal, channel)
    return refusal
  }

  /** What opens it, for those who read along. */
  fieldOf(ask: Ask | undefined): Field {
    return (ask === undefined ? undefined : this.#judge.permit(ask).field) ?? 'validity'
  }
}

/** As the person reads it. */
export const textOf = ({ field, because }: Refusal): string => (field === undefined ? because : `${field} ${because}`)
