import { medianOf } from './statistics.ts'

/** The ways to the same target; the names are hosts of the ssh configuration (see ground.ts). */
export type Way = 'direct' | 'gateway' | 'jump'
export type ByWay<Value = number> = Readonly<Record<Way, Value>>

export const ways: readonly Way[] = ['direct', 'gateway', 'jump']
export const wayNames: ByWay<string> = { direct: 'direct ssh', gateway: 'gateway', jump: 'ssh -J' }

/** Each order once: what one run leaves behind for the next falls on all alike. */
const orders: readonly (readonly Way[])[] = [
  ['direct', 'gateway', 'jump'],
  ['gateway', 'jump', 'direct'],
  ['jump', 'direct', 'gateway'],
  ['direct', 'jump', 'gateway'],
  ['jump', 'gateway', 'direct'],
  ['gateway', 'direct', 'jump'],
]

export interface Plan {
  /** Rounds that do not count, before those that do. */
  readonly warmUp: number
  readonly rounds: number
}

/** For each way all that `measure` gives. A round takes all three, so that what slows the machine slows all. */
export async function collect(
  { warmUp, rounds }: Plan,
  measure: (way: Way) => Promise<readonly number[]>,
): Promise<ByWay<readonly number[]>> {
  const measured: Record<Way, number[]> = { direct: [], gateway: [], jump: [] }
  for (let round = -warmUp; round < rounds; round++)
    for (const way of orders[(round + warmUp) % orders.length] ?? []) {
      const values = await measure(way)
      if (round >= 0) measured[way].push(...values)
    }
  return measured
}

/** One figure of each way's values. */
export const eachWay = <Value>(values: ByWay<Value>, figure: (of: Value) => number): ByWay => ({
  direct: figure(values.direct),
  gateway: figure(values.gateway),
  jump: figure(values.jump),
})

/** The median for each way of what `measure` gives. */
export const alternate = async (plan: Plan, measure: (way: Way) => Promise<number>): Promise<ByWay> =>
  eachWay(await collect(plan, async (way) => [await measure(way)]), medianOf)
