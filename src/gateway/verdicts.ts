import type { Ask, Field, Verdict } from '../model/channel.ts'

export type Refusal = Extract<Verdict, { permitted: false }>

/** What a certificate is asked, and what is worth writing down. */
export interface Judge {
  /** By the certificate that is in force now. */
  permit(ask: Ask): Verdict
  /** Variables that every session is given before all others. */
  environment(): Readonly<Record<string, string>>
  opened(what: string, field: Field | undefined): void
  refused(what: string, refusal: Refusal): void
  /** A program has ended; `how` is `exit status 0` or `signal TERM`. */
  exited(how: string): void
}

/** The judge's verdicts, and those that need no certificate. Whatever is refused is told to the judge. */
export class Verdicts {
  readonly #judge: Judge

  constructor(judge: Judge) {
    this.#judge = judge
  }

  on(what: string, ask: Ask | 'pass' | 'keep'): Verdict {
    if (ask === 'pass') return { permitted: true, field: 'validity' }
    if (ask === 'keep') return { permitted: false, because: 'is not passed on' }
    const verdict = this.#judge.permit(ask)
    if (!verdict.permitted) this.#judge.refused(what, verdict)
    return verdict
  }

  /** Refused whatever a certificate says. */
  refuse(what: string, because: string): Refusal {
    const refusal = { permitted: false, because } as const
    this.#judge.refused(what, refusal)
    return refusal
  }
}

/** As the person reads it. */
export const textOf = ({ field, because }: Refusal): string => (field === undefined ? because : `${field} ${because}`)
