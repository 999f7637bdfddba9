import { type ByWay, type Way, wayNames, ways } from './ways.ts'

/** One line of what comes out, and of what is kept of it (see results.ts). */
export interface Row {
  readonly figure: string
  /** Absent: of the gateway alone. */
  readonly way?: Way
  readonly value: string
  /** Of direct ssh. */
  readonly ratio?: number
  readonly goal?: Goal
}
export interface Goal {
  readonly bound: '<=' | '>='
  readonly limit: number
  /** With what it is a goal for, and its unit. */
  readonly text: string
  readonly met: boolean
}

export const atMost = (limit: number, value: number, unit = ''): Goal => goal('<=', limit, value <= limit, unit)
export const atLeast = (limit: number, value: number, unit = ''): Goal => goal('>=', limit, value >= limit, unit)
const goal = (bound: Goal['bound'], limit: number, met: boolean, unit: string): Goal => ({
  bound,
  limit,
  text: `${bound} ${Number.isInteger(limit) && unit !== '' ? limit : limit.toFixed(2)}${unit}`,
  met,
})

/** A figure by each way that it was measured on, with its ratio to direct ssh; the goal is the gateway's. */
export function rowsOf(
  figure: string,
  values: Partial<ByWay>,
  write: (value: number) => string,
  goal?: (ratio: number) => Goal,
): Row[] {
  return ways.flatMap((way): Row[] => {
    const value = values[way]
    if (value === undefined) return []
    const ratio = value / (values.direct ?? Number.NaN)
    const own = way === 'gateway' && goal !== undefined ? { goal: goal(ratio) } : {}
    return [{ figure, way, value: write(value), ratio, ...own }]
  })
}

export const inMilliseconds = (value: number): string => `${value.toFixed(0)} ms`
export const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB/s`

export function printTable(rows: readonly Row[]): string {
  const lines = [
    ['figure', 'value', 'of direct', 'goal', ''],
    ...rows.map(({ figure, way, value, ratio, goal }) => [
      way === undefined ? figure : `${figure}: ${wayNames[way]}`,
      value,
      ratio?.toFixed(2) ?? '',
      goal?.text ?? '',
      goal === undefined ? '' : goal.met ? 'met' : 'missed',
    ]),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const toTheRight = new Set([1, 2])
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          toTheRight.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
