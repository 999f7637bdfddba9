/** One line of what comes out. */
export interface Row {
  readonly figure: string
  readonly value: string
  /** Of direct ssh. */
  readonly ratio?: number
  readonly goal?: Goal
}
export interface Goal {
  readonly text: string
  readonly met: boolean
}

export const atMost = (goal: number, value: number, unit = ''): Goal => ({
  text: `<= ${write(goal)}${unit}`,
  met: value <= goal,
})
export const atLeast = (goal: number, value: number): Goal => ({ text: `>= ${write(goal)}`, met: value >= goal })
/** Ratios have two digits. */
const write = (goal: number): string => (Number.isInteger(goal) ? `${goal}` : goal.toFixed(2))

export function printTable(rows: readonly Row[]): string {
  const lines = [
    ['figure', 'value', 'of direct', 'goal', ''],
    ...rows.map(({ figure, value, ratio, goal }) => [
      figure,
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
