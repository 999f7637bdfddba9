/** Rows as lines, their columns one below the other. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values; what has no value is left out. */
export const facts = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string =>
  aligned(pairs.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])))

/** Unix seconds, or RFC 3339, as `2025-11-24 12:00:00Z`. */
export function time(instant: number | string): string {
  const date = new Date(typeof instant === 'number' ? instant * 1_000 : instant)
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().replace('T', ' ').replace(/\.\d+/, '')
}
