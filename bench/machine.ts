import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { nativeCiphers } from '../src/ssh/ssh2.ts'

/** What the figures depend on. */
export interface Machine {
  readonly processors: number
  readonly model: string
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Whether ssh2's addon is there, which has the ciphers. */
  readonly nativeCiphers: boolean
  readonly ssh: string
}

export function describeMachine(): Machine {
  const version = execFileSync('sh', ['-c', 'ssh -V 2>&1'], { encoding: 'utf8' })
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `Linux ${release().split('-')[0]}`,
    node: process.version,
    nativeCiphers,
    ssh: /^[^,\s]+/.exec(version)?.[0] ?? 'ssh',
  }
}

export const machineText = ({ processors, model, memoryGiB, system, node, nativeCiphers, ssh }: Machine): string =>
  [
    `${processors} processors (${model}), ${memoryGiB} GiB, ${system}`,
    `Node.js ${node} (${nativeCiphers ? 'with native ciphers' : 'without native ciphers'}), ${ssh}`,
  ].join('; ')

/** Processes that wanted to run in the last minute. */
export const load = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100

/** Figures of a machine that has other work are worth little. */
export const isBusy = (load: number, { processors }: Machine): boolean => load > processors / 4
