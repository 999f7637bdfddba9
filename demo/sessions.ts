import type { Folder } from './folder.ts'
import { processes, readOf, signalTo } from './processes.ts'

/**
 * `NAME=value` that every program of a target's sessions has in its environment. It also keeps what the tour types out of
 * the history of whoever runs it.
 */
export const sessionMark = (folder: Folder): string => `HISTFILE=${folder.at('history')}`

/** Ends what sessions have left running in the background: it has lost its sshd, but it still carries the mark. */
export function endLeftovers(mark: string): void {
  for (const pid of processes())
    if (pid !== process.pid && readOf(pid, 'environ').split('\0').includes(mark)) signalTo(pid, 'SIGKILL')
}
