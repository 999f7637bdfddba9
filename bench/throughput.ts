import { go, timed } from './stopwatch.ts'
import { alternate, type ByWay } from './ways.ts'

export type Direction = 'down' | 'up'

export interface Load {
  /** Bytes of one transfer. */
  readonly bytes: number
  readonly rounds: number
}

/** Bytes for each second, counted from when the remote command runs: how long the login takes is another figure. */
export async function measureThroughput(
  direction: Direction,
  config: string,
  { bytes, rounds }: Load,
  signal: AbortSignal,
): Promise<ByWay> {
  const time = (host: string): Promise<number> =>
    timed('sh', ['-c', transfer[direction], 'sh', config, host, `${bytes}`], go, signal)
  return alternate({ warmUp: 1, rounds }, async (way) => bytes / ((await time(way)) / 1000))
}

/** With the ssh configuration, the host and the number of bytes. */
const transfer: Record<Direction, string> = {
  down: `exec ssh -F "$1" "$2" "echo ${go} >&2; head -c $3 /dev/zero"`,
  up: `head -c "$3" /dev/zero | ssh -F "$1" "$2" 'echo ${go} >&2; cat >/dev/null'`,
}
