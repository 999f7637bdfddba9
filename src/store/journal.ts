import type { CompiledQuery } from 'kysely'
import type { Milliseconds } from '../model/units.ts'
import type { Sqlite } from './sqlite.ts'

/** What is lost when the store does not answer for long: how many writes, and the last fault. */
export type Lost = (count: number, fault: Error) => void

export interface JournalLimits {
  /** How long a write waits for others to go with it. */
  readonly pause: Milliseconds
  /** Writes of one job, and writes that wait. */
  readonly group: number
  readonly waiting: number
  /** How often a group is tried. Its writes must come to the same when they are done twice. */
  readonly attempts: number
}
export const usualJournal: JournalLimits = { pause: 200 as Milliseconds, group: 500, waiting: 20_000, attempts: 3 }

/**
 * Writes that nobody waits for: they are in the file a moment later, many of them in one job and so for a small part of an
 * fsync. Decisions do not go this way. When the store fails, the oldest are tried again and then given up.
 */
export class Journal implements AsyncDisposable {
  readonly #sqlite: Pick<Sqlite, 'atomic'>
  readonly #lost: Lost
  readonly #limits: JournalLimits
  readonly #waiting: CompiledQuery[] = []
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()
  #failures = 0
  #refused = 0

  constructor(sqlite: Pick<Sqlite, 'atomic'>, lost: Lost, limits: JournalLimits = usualJournal) {
    this.#sqlite = sqlite
    this.#lost = lost
    this.#limits = limits
  }

  write(query: CompiledQuery): void {
    if (this.#waiting.length < this.#limits.waiting) this.#waiting.push(query)
    else this.#refused++
    this.#timer ??= setTimeout(() => void this.flush(), this.#limits.pause)
  }

  /** Resolves when what was written before is in the file, or given up. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flushing = this.#flushing.then(() => this.#writeOut())
    return this.#flushing
  }

  async #writeOut(): Promise<void> {
    // A line for each would be a flood of lines.
    if (this.#refused > 0) this.#lost(this.#refused, new Error('too much waited for the store'))
    this.#refused = 0
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, this.#limits.group)
      try {
        await this.#sqlite.atomic(group)
        this.#failures = 0
      } catch (fault) {
        if (++this.#failures < this.#limits.attempts) continue
        this.#failures = 0
        this.#lost(group.length, fault as Error)
      }
      this.#waiting.splice(0, group.length)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
  }
}
