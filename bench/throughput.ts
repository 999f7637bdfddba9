import { readFileSync } from 'node:fs'
import { medianOf } from './statistics.ts'
import { go, timed } from './stopwatch.ts'
import { alternate, type ByWay } from './ways.ts'

export type Direction = 'down' | 'up'

export interface Load {
  /** Bytes of one transfer. */
  readonly bytes: number
  readonly rounds: number
}

export interface Throughput {
  /** Bytes for each second, counted from when the remote command runs: how long the login takes is another figure. */
  readonly rate: ByWay
  /** Seconds of processor time that the gateway's process takes for 10^9 bytes, with its login: the median. */
  readonly secondsPerGigabyte: number
}

export async function measureThroughput(
  direction: Direction,
  config: string,
  gateway: number,
  { bytes, rounds }: Load,
  signal: AbortSignal,
): Promise<Throughput> {
  const seconds: number[] = []
  const rate = await alternate({ warmUp: 1, rounds }, async (way) => {
    const before = processorSeconds(gateway)
    const time = await timed('sh', ['-c', transfer[direction], 'sh', config, way, `${bytes}`], go, signal)
    if (way === 'gateway') seconds.push(processorSeconds(gateway) - before)
    return bytes / (time / 1000)
  })
  return { rate, secondsPerGigabyte: medianOf(seconds) / (bytes / 1e9) }
}

/** `utime` and `stime` of proc(5), in hundredths of a second; the name before them may hold blanks. */
function processorSeconds(process: number): number {
  const fields = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** With the ssh configuration, the host and the number of bytes. */
const transfer: Record<Direction, string> = {
  down: `exec ssh -F "$1" "$2" "echo ${go} >&2; head -c $3 /dev/zero"`,
  up: `head -c "$3" /dev/zero | ssh -F "$1" "$2" 'echo ${go} >&2; cat >/dev/null'`,
}
