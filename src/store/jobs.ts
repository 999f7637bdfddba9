/** What the two threads of the SQLite store say to each other. */

export type SqlValue = null | number | bigint | string | Uint8Array
export interface Statement {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

/** All of its statements take hold, or none. */
export interface Job {
  readonly id: number
  /** `read`: one statement that changes nothing, and so waits for no commit. */
  readonly kind: 'read' | 'write'
  readonly statements: readonly Statement[]
  /** By `monotonicNow`: past it the job is not begun any more, since nobody waits for it. */
  readonly deadline: number
}
/** What the worker is told: jobs, in the order of their coming. After `close` it does what it was given before, and ends. */
export type Order = readonly Job[] | 'close'

/** Of one statement. `changes` and `lastId` are there when it gave no rows. */
export interface Result {
  readonly rows: readonly Readonly<Record<string, SqlValue>>[]
  readonly changes?: number
  readonly lastId?: number
}
export type Answer =
  | { readonly id: number; readonly results: readonly Result[] }
  | { readonly id: number; readonly error: string }

/** What the worker says first. */
export type Greeting = { readonly opened: true } | { readonly refused: string }
/** What it says from then on: answers of one read, or of all that one commit held. */
export interface Report {
  readonly answers: readonly Answer[]
  /** Since the file was opened. */
  readonly commits: number
}

/** What the worker is started with. */
export interface SqliteSettings {
  /** Absolute. */
  readonly path: string
  /** How long another process may hold the file before a job fails. Milliseconds. */
  readonly busyTimeout: number
}

/** Whole milliseconds on a clock that all threads of the process share and nobody sets. */
export const monotonicNow = (): number => Number(process.hrtime.bigint() / 1_000_000n)
