import { type Address, type Cidr, cidrContains, limitPrefix } from '../model/address.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Offence } from './offences.ts'

/** As OpenSSH 9.8 has them (sshd_config(5), PerSourcePenalties; srclimit.c). All times in milliseconds. */
export interface PenaltyRules {
  /** What each offence adds. */
  readonly amounts: Readonly<Record<Offence, Milliseconds>>
  /** Penalties below this are kept, and not acted on yet. */
  readonly least: Milliseconds
  /** Offences add up to this and no further. */
  readonly most: Milliseconds
  /** Sources that are remembered of each family: an IPv6 address costs less than an IPv4 one. */
  readonly sources: number
  /** When there are more: the penalty that ends first is forgotten, or nobody is taken who is not exempt. */
  readonly overflow: 'permissive' | 'deny_all'
  readonly exempt: readonly Cidr[]
}

interface Penalty {
  until: Milliseconds
  /** Once it has passed `least` it holds to its end. */
  isActed: boolean
}

/**
 * Which sources are not taken for a while. A source is an IPv4 address or an IPv6 /64; what it did adds up, and passes by
 * itself. `now` is on a clock that never goes back.
 */
export class Penalties {
  readonly #rules: () => PenaltyRules
  readonly #families = { 4: new Table(), 6: new Table() }

  /** The rules may change; penalties that were given stay. */
  constructor(rules: () => PenaltyRules) {
    this.#rules = rules
  }

  /** Sources that are remembered, acted on or not. */
  get size(): number {
    return this.#families[4].size + this.#families[6].size
  }

  refuses(source: Address, now: Milliseconds): boolean {
    const rules = this.#rules()
    if (isExempt(source, rules)) return false
    const table = this.#tableOf(source)
    table.expire(now)
    if (rules.overflow === 'deny_all' && table.size >= rules.sources) return true
    const penalty = table.find(limitPrefix(source))
    return penalty?.isActed === true && penalty.until > now
  }

  /** Whether the source is refused from now on. */
  punish(source: Address, offence: Offence, now: Milliseconds): boolean {
    const rules = this.#rules()
    const amount = rules.amounts[offence]
    if (amount === 0 || isExempt(source, rules)) return false
    const table = this.#tableOf(source)
    table.expire(now)
    const prefix = limitPrefix(source)
    const before = table.find(prefix)
    if (before === undefined && !this.#makeRoom(table, rules)) return false
    const leftBefore = Math.max(0, (before?.until ?? now) - now)
    const left = Math.min(rules.most, leftBefore + amount)
    const isActed = (leftBefore > 0 && before?.isActed === true) || left >= rules.least
    table.set(prefix, { until: (now + left) as Milliseconds, isActed })
    return isActed
  }

  #makeRoom(table: Table, { sources, overflow }: PenaltyRules): boolean {
    while (table.size >= sources) {
      if (overflow === 'deny_all') return false
      table.dropFirst()
    }
    return true
  }

  #tableOf(source: Address): Table {
    return this.#families[source.includes(':') ? 6 : 4]
  }
}

const isExempt = (source: Address, { exempt }: PenaltyRules): boolean =>
  exempt.some((cidr) => cidrContains(cidr, source))

/** Penalties by source, and by the second in which they end: the one that ends first is found without a search. */
class Table {
  readonly #bySource = new Map<string, Penalty>()
  readonly #byEnd = new Map<number, Set<string>>()
  /** No penalty ends in an earlier second. */
  #first = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#bySource.size
  }

  find(source: string): Penalty | undefined {
    return this.#bySource.get(source)
  }

  set(source: string, penalty: Penalty): void {
    this.#forget(source)
    this.#bySource.set(source, penalty)
    const second = secondOf(penalty.until)
    const ending = this.#byEnd.get(second) ?? new Set()
    this.#byEnd.set(second, ending.add(source))
    this.#first = Math.min(this.#first, second)
  }

  /** Those whose last second is over. */
  expire(now: Milliseconds): void {
    const second = secondOf(now)
    while (this.size > 0 && this.#firstSecond() < second) this.dropFirst()
  }

  dropFirst(): void {
    const [source] = this.#byEnd.get(this.#firstSecond()) ?? []
    if (source !== undefined) this.#forget(source)
  }

  #firstSecond(): number {
    while (this.size > 0 && !this.#byEnd.has(this.#first)) this.#first++
    return this.#first
  }

  #forget(source: string): void {
    const penalty = this.#bySource.get(source)
    if (penalty === undefined) return
    const second = secondOf(penalty.until)
    const ending = this.#byEnd.get(second)
    ending?.delete(source)
    if (ending?.size === 0) this.#byEnd.delete(second)
    this.#bySource.delete(source)
    if (this.size === 0) this.#first = Number.POSITIVE_INFINITY
  }
}

/** The second by whose end it is over: rounded up, as a penalty never ends too early. */
const secondOf = (at: Milliseconds): number => Math.ceil(at / 1_000)
