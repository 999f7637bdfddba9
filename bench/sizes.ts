import type { Changes, Revocations } from './changes.ts'
import type { Keys } from './keystrokes.ts'
import type { Burst, Sustained } from './login.ts'
import type { Load } from './throughput.ts'

/** How much is measured. */
export interface Size {
  readonly logins: number
  readonly burst: Burst
  /** Logins at once by which commits are counted. */
  readonly crowd: number
  readonly sustained: Sustained
  readonly transfers: Load
  /** Sessions that transfer at once. */
  readonly many: Load & { readonly sessions: number }
  readonly keys: Keys
  readonly decisions: number
  /** Live sessions. */
  readonly memory: number
  readonly revocations: Revocations
  readonly changes: Changes
  readonly starts: number
  readonly files: Load
  /** Of either kind. */
  readonly refusals: number
}
export type SizeName = 'quick' | 'short' | 'full'

const full: Size = {
  logins: 100,
  burst: { logins: 50, rounds: 12 },
  crowd: 200,
  sustained: { lanes: 8, seconds: 10, rounds: 6 },
  transfers: { bytes: 1e9, rounds: 12 },
  many: { sessions: 8, bytes: 200e6, rounds: 6 },
  keys: { keys: 200, rounds: 12 },
  decisions: 100_000,
  memory: 5_000,
  revocations: { light: 1_000, stock: 1_000 },
  changes: { sessions: 500, seconds: 20 },
  starts: 11,
  files: { bytes: 2 * 1024 ** 3, rounds: 6 },
  refusals: 400,
}
const short: Size = {
  logins: 24,
  burst: { logins: 50, rounds: 3 },
  crowd: 200,
  sustained: { lanes: 8, seconds: 3, rounds: 3 },
  transfers: { bytes: 400e6, rounds: 4 },
  many: { sessions: 8, bytes: 50e6, rounds: 3 },
  keys: { keys: 100, rounds: 6 },
  decisions: 20_000,
  memory: 400,
  revocations: { light: 1_000, stock: 200 },
  changes: { sessions: 500, seconds: 6 },
  starts: 5,
  files: { bytes: 1024 ** 3, rounds: 2 },
  refusals: 150,
}
const quick: Size = {
  logins: 6,
  burst: { logins: 50, rounds: 1 },
  crowd: 200,
  sustained: { lanes: 8, seconds: 2, rounds: 1 },
  transfers: { bytes: 100e6, rounds: 2 },
  many: { sessions: 8, bytes: 20e6, rounds: 1 },
  keys: { keys: 50, rounds: 1 },
  decisions: 5_000,
  memory: 100,
  revocations: { light: 100, stock: 20 },
  changes: { sessions: 100, seconds: 4 },
  starts: 2,
  files: { bytes: 512 * 1024 ** 2, rounds: 2 },
  refusals: 50,
}
export const sizes: Readonly<Record<SizeName, Size>> = { quick, short, full }
