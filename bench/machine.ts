import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { nativeCiphers } from '../src/ssh/ssh2.ts'
import type { Machine } from './machine-text.ts'

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

/** Milliseconds. */
const lookFor = 1_000

/** The share of the processors' time that goes to others, while nothing of ours has work (`cpu` of proc(5), /proc/stat). */
export async function otherWork(signal: AbortSignal): Promise<number> {
  const before = ticks()
  await wait(lookFor, undefined, { signal })
  const after = ticks()
  return Math.round((1 - (after.idle - before.idle) / (after.all - before.all)) * 100) / 100
}

function ticks(): { readonly idle: number; readonly all: number } {
  const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).map(Number)
  const counted = fields.slice(0, 8) // what follows is time of guests, and is in the others
  const [, , , idle = 0, waiting = 0] = counted
  return { idle: idle + waiting, all: counted.reduce((sum, field) => sum + field, 0) }
}
