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

/** Unix seconds or RFC 3339, as `2025-11-24 12:00:00Z`. */
export function time(value: unknown): string {
  const date = new Date(typeof value === 'number' ? value * 1_000 : String(value))
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().replace('T', ' ').replace(/\.\d+/, '')
}
