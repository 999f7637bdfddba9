import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { type Direction, type Load, transfer } from './throughput.ts'
import { alternate, type ByWay } from './ways.ts'

/** Bytes a second that sessions which transfer at once have together, from when all begin to when the last has ended. */
export async function measureMany(
  direction: Direction,
  config: string,
  sessions: number,
  /** Of each session. */
  { bytes, rounds }: Load,
  signal: AbortSignal,
): Promise<ByWay> {
  const barrier = `${config}-barrier`
  execFileSync('bash', ['-c', `[ -p "$1" ] || mkfifo "$1"`, 'bash', barrier])
  return alternate({ warmUp: 1, rounds }, async (way) => {
    const all = Array.from({ length: sessions }, () => transfer(direction, config, way, bytes, signal, barrier))
    try {
      await Promise.all(all.map(({ going }) => going))
      const begun = performance.now()
      await using _opened = await open(barrier, 'w') // and held: who comes late to it does not wait
      await Promise.all(all.map(({ timed }) => timed))
      return (sessions * bytes) / ((performance.now() - begun) / 1_000)
    } finally {
      for (const { stop } of all) stop()
    }
  })
}
