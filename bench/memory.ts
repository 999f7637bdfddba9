import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type Access, openSessions } from './sessions.ts'

export interface MemoryFigures {
  /** Bytes of the gateway's process before the sessions, and for each of them. */
  readonly base: number
  readonly perSession: number
}

/** Sessions that come and go before the first look, so that what only the first ones cost is not counted. */
const warmUp = 20

/** Opens sessions, each with a program that runs at the target, and looks at what the gateway's process has grown by. */
export async function measureMemory(
  process: number,
  access: Access,
  sessions: number,
  signal: AbortSignal,
): Promise<MemoryFigures> {
  {
    await using _first = await openSessions(access, warmUp, signal)
  }
  const base = await settledMemory(process, signal)
  await using live = await openSessions(access, sessions, signal)
  const grown = (await settledMemory(process, signal)) - base
  if (live.ended > 0) throw new Error(`${live.ended} of ${sessions} sessions ended before they were measured`)
  return { base, perSession: grown / sessions }
}

const lookEvery = 250
/** Milliseconds. */
const settledFor = 2_000
const patience = 30_000

/** Bytes in memory once they hardly change: within a hundredth for two seconds. */
async function settledMemory(process: number, signal: AbortSignal): Promise<number> {
  const looks: number[] = []
  for (let waited = 0; waited < patience; waited += lookEvery) {
    looks.push(residentBytes(process))
    const last = looks.slice(-settledFor / lookEvery)
    const [least, most] = [Math.min(...last), Math.max(...last)]
    if (last.length === settledFor / lookEvery && most - least < most / 100) return last.at(-1) ?? most
    await wait(lookEvery, undefined, { signal })
  }
  throw new Error(`the memory of process ${process} did not settle`)
}

/** `VmRSS` of proc(5), which is in KiB. */
export function residentBytes(process: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error(`process ${process} is gone`)
  return Number(kib) * 1_024
}
