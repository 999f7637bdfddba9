import { medianOf } from './statistics.ts'

/** The ways to the same target; the names are hosts of the ssh configuration (see ground.ts). */
export type Way = 'direct' | 'gateway' | 'jump'
export type ByWay = Readonly<Record<Way, number>>

export const wayNames: Readonly<Record<Way, string>> = { direct: 'direct ssh', gateway: 'gateway', jump: 'ssh -J' }

/** Each order once: what one run leaves behind for the next falls on all alike. */
const orders: readonly (readonly Way[])[] = [
  ['direct', 'gateway', 'jump'],
  ['gateway', 'jump', 'direct'],
  ['jump', 'direct', 'gateway'],
  ['direct', 'jump', 'gateway'],
  ['jump', 'gateway', 'direct'],
  ['gateway', 'direct', 'jump'],
]

/** The median for each way of what `measure` gives. A round takes all three, so that what slows the machine slows all. */
export async function alternate(
  { warmUp, rounds }: { readonly warmUp: number; readonly rounds: number },
  measure: (way: Way) => Promise<number>,
): Promise<ByWay> {
  const measured: Record<Way, number[]> = { direct: [], gateway: [], jump: [] }
  for (let round = -warmUp; round < rounds; round++)
    for (const way of orders[(round + warmUp) % orders.length] ?? []) {
      const value = await measure(way)
      if (round >= 0) measured[way].push(value)
    }
  return { direct: medianOf(measured.direct), gateway: medianOf(measured.gateway), jump: medianOf(measured.jump) }
}
