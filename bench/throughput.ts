import { childless, processorSeconds, timeFormat, timeSaid, treeSeconds } from './processor.ts'
import { medianOf } from './statistics.ts'
import { begin, go, type Underway } from './stopwatch.ts'
import { alternate, type ByWay, type Way } from './ways.ts'

export type Direction = 'down' | 'up'

export interface Load {
  /** Bytes of one transfer. */
  readonly bytes: number
  readonly rounds: number
}

/** Whose processor time is taken: the gateway's process, and the sshd that listens at the target. */
export interface Processes {
  readonly gateway: number
  readonly target: number
}

export interface Throughput {
  /** Bytes for each second, counted from when the remote command runs: how long the login takes is another figure. */
  readonly rate: ByWay
  /** Seconds of processor time for 10^9 bytes: the medians, less what a transfer of nothing takes. See `measureOnce`. */
  readonly secondsPerGigabyte: Pick<ByWay, 'direct' | 'gateway'>
}

export async function measureThroughput(
  direction: Direction,
  config: string,
  processes: Processes,
  { bytes, rounds }: Load,
  signal: AbortSignal,
): Promise<Throughput> {
  const seconds: ByWay<number[]> = { direct: [], gateway: [], jump: [] }
  const idle: ByWay<number[]> = { direct: [], gateway: [], jump: [] }
  const rate = await alternate({ warmUp: 1, rounds }, async (way) => {
    if (way !== 'jump') idle[way].push((await measureOnce(direction, config, way, processes, 0, signal)).seconds)
    const once = await measureOnce(direction, config, way, processes, bytes, signal)
    seconds[way].push(once.seconds)
    return bytes / (once.milliseconds / 1_000)
  })
  const perGigabyte = (way: Way): number => (medianOf(seconds[way]) - medianOf(idle[way])) / (bytes / 1e9)
  return { rate, secondsPerGigabyte: { direct: perGigabyte('direct'), gateway: perGigabyte('gateway') } }
}

/**
 * One transfer, and the processor time that it takes. By the gateway: of its process. Direct: of ssh and of the target's
 * sshd with all that it starts for the session, without the commands at the ends of the pipe.
 */
async function measureOnce(
  direction: Direction,
  config: string,
  way: Way,
  { gateway, target }: Processes,
  bytes: number,
  signal: AbortSignal,
): Promise<{ readonly milliseconds: number; readonly seconds: number }> {
  await childless(target, signal)
  const sofar = (): number => (way === 'gateway' ? processorSeconds(gateway) : treeSeconds(target))
  const before = sofar()
  const { milliseconds, said } = await transfer(direction, config, way, bytes, signal).timed
  await childless(target, signal)
  const ends = way === 'gateway' ? 0 : timeSaid(said, 'client') - timeSaid(said, 'remote')
  return { milliseconds, seconds: sofar() - before + ends }
}

/** Begins to send zeroes. With `barrier`, a FIFO, the remote command waits there until somebody opens it to write. */
export function transfer(
  direction: Direction,
  config: string,
  way: Way,
  bytes: number,
  signal: AbortSignal,
  barrier?: string,
): Underway {
  const atBarrier = barrier === undefined ? '' : `: <'${barrier}';`
  const work = direction === 'down' ? `head -c ${bytes} /dev/zero` : 'cat >/dev/null'
  const remote = `echo ${go} >&2; ${atBarrier} ${timeFormat('remote')}; time ${work}`
  return begin('bash', ['-c', scripts[direction], 'bash', config, way, remote, `${bytes}`], go, signal)
}

/** With the ssh configuration, the host, the remote command and the number of bytes. */
const scripts: Record<Direction, string> = {
  down: `${timeFormat('client')}; time ssh -F "$1" "$2" "$3"`,
  up: `head -c "$4" /dev/zero | { ${timeFormat('client')}; time ssh -F "$1" "$2" "$3"; }`,
}
