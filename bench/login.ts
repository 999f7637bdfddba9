import { timed } from './stopwatch.ts'
import { alternate, type ByWay } from './ways.ts'

/** Milliseconds of `ssh HOST true`, from start to end. The gateway knows the person already. */
export const measureLogin = (config: string, rounds: number, signal: AbortSignal): Promise<ByWay> =>
  alternate({ warmUp: 3, rounds }, (way) => timed('ssh', ['-F', config, way, 'true'], 'start', signal))
