import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Running, within } from './process.ts'

/** What lives in the main thread of a gateway, after a collection of garbage. */
export interface Insides {
  /** Objects of some kinds that a connection is made of, subclasses counted. */
  readonly objects: Readonly<Record<string, number>>
  /** What keeps the process alive (`process.getActiveResourcesInfo()`): handles, requests and timers, by kind. */
  readonly active: Readonly<Record<string, number>>
  /** Bytes of the JavaScript heap, and of what its objects have outside. */
  readonly heapUsed: number
  readonly external: number
}

/** A gateway that can be asked what lives in it: for `WorldOptions.program`. The one that is shipped has no such way in. */
export const probedRegate = join(import.meta.dirname, 'probed-regate')

export async function insidesOf({ child, lines }: Running): Promise<Insides> {
  const before = lines.length
  child.kill('SIGUSR2')
  let isLate = false
  const said = async (): Promise<Insides> => {
    while (!isLate) {
      const line = lines.slice(before).find((one) => one.startsWith('{"insides":'))
      if (line !== undefined) return (JSON.parse(line) as { insides: Insides }).insides
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('the gateway has ended')
      await wait(10)
    }
    throw new Error('too late')
  }
  try {
    return await within('the gateway says what lives in it', said(), () => lines.slice(-40).join('\n'))
  } finally {
    isLate = true
  }
}

/** Of each kind of which there is more than `most` allows, how many, before and now. */
export function more(before: Insides, now: Insides, most: number): string[] {
  const counts = ({ objects, active }: Insides): Record<string, number> => ({ ...objects, ...prefixed(active) })
  const first = counts(before)
  return Object.entries(counts(now))
    .filter(([kind, count]) => count > (first[kind] ?? 0) + most)
    .map(([kind, count]) => `${kind}: ${first[kind] ?? 0}, then ${count}`)
}
const prefixed = (active: Insides['active']): Record<string, number> =>
  Object.fromEntries(Object.entries(active).map(([kind, count]) => [`active ${kind}`, count]))
