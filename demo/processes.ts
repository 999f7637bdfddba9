import { readdirSync, readFileSync } from 'node:fs'

/** Every process of this machine; none where there is no /proc to tell. */
export function processes(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** A file of a process in /proc (proc(5)); empty for one that has ended, or is somebody else's. */
export function readOf(pid: number, file: 'comm' | 'environ' | `task/${number}/children`): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}

/** The process and all that it has started, and so on. */
export function family(pid: number): number[] {
  const children = readOf(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean)
  return [pid, ...children.map(Number).flatMap(family)]
}

/** It may have ended already. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault
  }
}
