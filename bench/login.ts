import { quantileOf } from './statistics.ts'
import { timed } from './stopwatch.ts'
import { alternate, type ByWay, collect, eachWay, type Way } from './ways.ts'

/** Milliseconds of `ssh HOST true`, from start to end. The gateway knows the person already. */
async function logIn(config: string, way: Way, signal: AbortSignal): Promise<number> {
  const { milliseconds } = await timed('ssh', ['-F', config, way, 'true'], 'start', signal)
  return milliseconds
}

/** Milliseconds: the median of one after the other. */
export const measureLogin = (config: string, rounds: number, signal: AbortSignal): Promise<ByWay> =>
  alternate({ warmUp: 3, rounds }, (way) => logIn(config, way, signal))

export interface Burst {
  /** Logins that begin at the same time. */
  readonly logins: number
  readonly rounds: number
}

/** Of all the logins of all rounds. */
export interface BurstFigures {
  /** Milliseconds of those that came in. */
  readonly p50: ByWay
  readonly p99: ByWay
  /** How many did not. */
  readonly failures: ByWay
}

export async function measureBurst(
  config: string,
  { logins, rounds }: Burst,
  signal: AbortSignal,
): Promise<BurstFigures> {
  const tried = async (way: Way): Promise<number> => {
    try {
      return await logIn(config, way, signal)
    } catch (thrown) {
      if (signal.aborted) throw thrown
      return failed
    }
  }
  const all = await collect({ warmUp: 1, rounds }, (way) =>
    Promise.all(Array.from({ length: logins }, () => tried(way))),
  )
  const quantile = (part: number): ByWay => eachWay(all, (of) => quantileOf(of.filter(Number.isFinite), part))
  return {
    p50: quantile(0.5),
    p99: quantile(0.99),
    failures: eachWay(all, (of) => of.filter((one) => one === failed).length),
  }
}
/** In place of the milliseconds of a login. */
const failed = Number.POSITIVE_INFINITY

export interface Sustained {
  /** Clients that log in one time after the other. */
  readonly lanes: number
  /** Of one way in one round. */
  readonly seconds: number
  readonly rounds: number
}

/** Logins a second, the medians of the rounds. */
export const measureSustained = (
  config: string,
  { lanes, seconds, rounds }: Sustained,
  signal: AbortSignal,
): Promise<ByWay> =>
  alternate({ warmUp: 0, rounds }, async (way) => {
    const begun = performance.now()
    let done = 0
    const lane = async (): Promise<void> => {
      for (; performance.now() - begun < seconds * 1_000; done++) await logIn(config, way, signal)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    return done / ((performance.now() - begun) / 1_000)
  })
