import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Machine } from './machine-text.ts'
import type { SizeName } from './sizes.ts'
import type { Row } from './table.ts'

/** What a part came to. */
export interface PartResult {
  /** How much was measured. */
  readonly size: SizeName
  /** The share of the processors' time that others had just before. */
  readonly otherWork: number
  readonly rows: readonly Row[]
}

/** What `--json` writes, and what the page and the chart are made of. */
export interface Results {
  readonly machine: Machine
  /** In the order of parts.ts. */
  readonly parts: Readonly<Record<string, PartResult>>
}

export const readResults = (path: string): Results => JSON.parse(readFileSync(path, 'utf8')) as Results

/** In this order. Parts that were not measured again stay as they are in the file, if they are of the same machine. */
export function writeResults(path: string, { machine, parts }: Results, order: readonly string[]): void {
  const before = existsSync(path) ? readResults(path) : undefined
  const kept = before !== undefined && isDeepStrictEqual(before.machine, machine) ? before.parts : {}
  const all = { ...kept, ...parts }
  const inOrder = Object.fromEntries(order.flatMap((name) => (name in all ? [[name, all[name]]] : [])))
  writeFileSync(path, `${JSON.stringify({ machine, parts: inOrder }, undefined, 2)}\n`)
}
