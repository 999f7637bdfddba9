import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** Hundredths of a second: the unit of proc(5), sysconf(_SC_CLK_TCK). */
const tick = 100

/** Seconds of processor time that a process has taken so far: `utime` and `stime` of proc(5). */
export const processorSeconds = (process: number): number => sumOf(process, [11, 12])

/** The same with those of its children that have ended, and theirs: `cutime` and `cstime`. */
export const treeSeconds = (process: number): number => sumOf(process, [11, 12, 13, 14])

/** Fields behind the name, which may hold blanks. */
function sumOf(process: number, fields: readonly number[]): number {
  const values = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return fields.reduce((sum, field) => sum + Number(values[field]), 0) / tick
}

/** Those that live. */
export const childrenOf = (process: number): number[] =>
  readFileSync(`/proc/${process}/task/${process}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** Milliseconds. */
const patience = 10_000

/** Resolves when a server's children have ended: `treeSeconds` has all of them then. */
export async function childless(process: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + patience
  while (childrenOf(process).length > 0) {
    if (performance.now() > end) throw new Error(`process ${process} has children that do not end`)
    await wait(5, undefined, { signal })
  }
}

/** What bash's `time` writes of a command, with this name, when TIMEFORMAT is `timeFormat(name)`. */
export const timeFormat = (name: string): string => `TIMEFORMAT="bench:${name} %U %S"`

/** Seconds of user and system time that a command and its children took. */
export function timeSaid(said: string, name: string): number {
  const [, user, system] = new RegExp(`^bench:${name} ([\\d.]+) ([\\d.]+)\\r?$`, 'm').exec(said) ?? []
  if (user === undefined || system === undefined) throw new Error(`no time of ${name} in:\n${said}`)
  return Number(user) + Number(system)
}
