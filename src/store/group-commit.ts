import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Answer, type Job, monotonicNow, type Result, type Statement } from './jobs.ts'

/** Statements that stay prepared; the store has some dozen. */
const preparedMost = 64

/** Runs jobs on one connection, which is nobody else's. */
export class GroupCommit {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  #commits = 0

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get commits(): number {
    return this.#commits
  }

  /** One statement, outside of any transaction. */
  read(job: Job): Answer {
    try {
      return { id: job.id, results: this.#run(job) }
    } catch (thrown) {
      return failed(job, thrown)
    }
  }

  /**
   * All jobs in one transaction, and so one fsync for them all; none is answered before it. A job that fails is taken back
   * alone. When the transaction is lost (a full disk, a failed fsync), all of them fail. Throws when not even the taking
   * back works.
   */
  write(jobs: readonly Job[]): Answer[] {
    try {
      if (!jobs.some(isLive)) throw tooLate()
      this.#do('begin immediate')
      const answers = jobs.map((job) => this.#apart(job))
      this.#do('commit')
      this.#commits++
      return answers
    } catch (thrown) {
      if (this.#database.isTransaction) this.#do('rollback')
      return jobs.map((job) => failed(job, thrown))
    }
  }

  #apart(job: Job): Answer {
    this.#do('savepoint job')
    try {
      const results = this.#run(job)
      this.#do('release job')
      return { id: job.id, results }
    } catch (thrown) {
      // On a full disk and the like SQLite takes back everything (sqlite.org/lang_transaction.html, section 2.3).
      if (!this.#database.isTransaction) throw thrown
      this.#do('rollback to job')
      this.#do('release job')
      return failed(job, thrown)
    }
  }

  #run(job: Job): Result[] {
    if (!isLive(job)) throw tooLate()
    return job.statements.map((statement) => this.#execute(statement))
  }

  #execute({ sql, parameters }: Statement): Result {
    const statement = this.#prepare(sql)
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], changes: Number(changes), lastId: Number(lastInsertRowid) }
  }

  #do(sql: string): void {
    this.#prepare(sql).run()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const made = this.#database.prepare(sql)
    if (this.#prepared.size >= preparedMost) this.#prepared.clear()
    this.#prepared.set(sql, made)
    return made
  }
}

const isLive = ({ deadline }: Job): boolean => monotonicNow() < deadline
const tooLate = (): Error => new Error('its time was over before it began')
const failed = ({ id }: Job, thrown: unknown): Answer => ({ id, error: (thrown as Error).message })
