/**
 * Text that others wrote, made fit for a terminal and a log.
 *
 * Dropped are the C0 and C1 controls, DEL, and the marks that turn the reading direction or end a line (CWE-150); what
 * stays is well-formed Unicode.
 */
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** One line: every control becomes `?`, and what is longer than `most` UTF-16 units is cut with `…`. */
export function printable(text: string, most = 500): string {
  if (text.length <= most && isPrintable(text)) return text
  const clean = text.toWellFormed().replace(controls, '?')
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`.toWellFormed()
}

/** Several lines: as `printable`, with `\n` kept and `\t` made a blank. */
export function printableLines(text: string, most = 65_536): string {
  return text
    .slice(0, most)
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => printable(line.replaceAll('\t', ' '), most))
    .join('\n')
}

/** JSON text with the same value: what `printable` drops stands as `\\u` and four digits, which only strings can hold. */
export const escapedControls = (json: string): string =>
  json.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** For clients that print anything but ASCII as octal (OpenSSH before 10.3): the rest becomes `?`. */
export function ascii(text: string, most: number): string {
  return text.replace(/[^\n\x20-\x7e]/gu, '?').slice(0, most)
}

export const isPrintable = (text: string): boolean => text.isWellFormed() && text.search(controls) < 0

/**
 * The same value with every string in it, names included, made printable and at most so long; itself when there is nothing
 * to change. Depth is bounded by what JSON text allows in.
 */
export function printableJson(value: unknown, most = Number.MAX_SAFE_INTEGER): unknown {
  return isPrintableJson(value, most) ? value : madePrintable(value, most)
}

/** Nearly always so, and then no copy is made. */
function isPrintableJson(value: unknown, most: number): boolean {
  if (typeof value === 'string') return value.length <= most && isPrintable(value)
  if (Array.isArray(value)) return value.every((held) => isPrintableJson(held, most))
  if (typeof value !== 'object' || value === null) return true
  for (const name in value)
    if (!isPrintableJson(name, most) || !isPrintableJson((value as Record<string, unknown>)[name], most)) return false
  return true
}

function madePrintable(value: unknown, most: number): unknown {
  if (typeof value === 'string') return printable(value, most)
  if (Array.isArray(value)) return value.map((held) => madePrintable(held, most))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([name, held]) => [printable(name, most), madePrintable(held, most)]))
}
