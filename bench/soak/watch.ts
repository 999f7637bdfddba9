import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { residentBytes } from '../memory.ts'
import { childrenOf } from '../processor.ts'
import { slopeOf } from '../statistics.ts'

/** One look at one process of the gateway. */
interface Look {
  /** Hours since the first. */
  readonly at: number
  readonly resident: number
  /** What V8 holds, in its heap and beside it; absent until the process has told it for the first time. */
  readonly heap: number | undefined
  readonly descriptors: number
}

/** What became of one process's memory. */
export interface Memory {
  readonly pid: number
  /** The last look's. */
  readonly resident: number
  readonly heap: number
  readonly descriptors: { readonly first: number; readonly last: number }
  /** Bytes an hour, with its standard error. */
  readonly residentSlope: Slope
  readonly heapSlope: Slope
}
export type Slope = ReturnType<typeof slopeOf>

/** Looks at all processes of a gateway, from its start to its end. */
export class Watch {
  readonly #gateway: number
  /** Where heap.ts writes. */
  readonly #heaps: string
  readonly #begun = performance.now()
  readonly #looks = new Map<number, Look[]>()

  constructor(gateway: number, heaps: string) {
    this.#gateway = gateway
    this.#heaps = heaps
  }

  /** The gateway's process, and its workers in the order of their age. */
  get processes(): readonly number[] {
    return [this.#gateway, ...childrenOf(this.#gateway)]
  }

  look(): void {
    const at = (performance.now() - this.#begun) / 3_600_000
    for (const pid of this.processes)
      try {
        const look = { at, resident: residentBytes(pid), heap: this.#heap(pid), descriptors: descriptorsOf(pid) }
        this.#looks.set(pid, [...(this.#looks.get(pid) ?? []), look])
      } catch {
        // it has ended meanwhile
      }
  }

  #heap(pid: number): number | undefined {
    const path = `${this.#heaps}/heap-${pid}`
    if (!existsSync(path)) return undefined
    const { heapUsed, external } = JSON.parse(readFileSync(path, 'utf8')) as { heapUsed: number; external: number }
    return heapUsed + external
  }

  /** Of each process that was there from the first look to the last, without the first quarter, in which it grows into its work. */
  memory(): Memory[] {
    const all = [...this.#looks.values()]
    const most = Math.max(...all.map((looks) => looks.length))
    return [...this.#looks].flatMap(([pid, looks]) => {
      const [first, last] = [looks[0], looks.at(-1)]
      if (looks.length < most || first === undefined || last === undefined) return []
      const settled = looks.slice(Math.floor(looks.length / 4))
      return [
        {
          pid,
          resident: last.resident,
          heap: last.heap ?? Number.NaN,
          descriptors: { first: first.descriptors, last: last.descriptors },
          residentSlope: slopeOf(leastOfEachMinute(settled, ({ resident }) => resident)),
          heapSlope: slopeOf(leastOfEachMinute(settled, ({ heap }) => heap)),
        },
      ]
    })
  }
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Garbage comes and goes: the least of a minute is what is held. */
function leastOfEachMinute(looks: readonly Look[], figure: (look: Look) => number | undefined) {
  const minutes = Map.groupBy(looks, ({ at }) => Math.floor(at * 60))
  return [...minutes].flatMap(([minute, looks]) => {
    const values = looks.map(figure).filter((value) => value !== undefined)
    return values.length === 0 ? [] : [{ x: minute / 60, y: Math.min(...values) }]
  })
}
