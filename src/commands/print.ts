import Table from 'cli-table3'
import { escapedControls, printable } from '../model/text.ts'

/*
 * What a server says is printed here and nowhere else: what would move the cursor, colour the text or turn its direction
 * does not reach the terminal.
 */

/** JSON with the digits of its numbers: nanoseconds have more than a JavaScript number keeps. */
export function parseExact(text: string): unknown {
  const rawJSON = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
  const reviver = (_name: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value
  return JSON.parse(text, reviver as (name: string, value: unknown) => unknown)
}

/** For programs: one line, and the same value. */
export const jsonLine = (value: unknown): string => escapedControls(JSON.stringify(value))

/** For people. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({ head: [...head], chars: noLines, style: { 'head': [], 'border': [], 'padding-left': 0 } })
  made.push(...rows.map((row) => row.map((cell) => printable(cell, cellMost))))
  return trimmed(made.toString())
}

/** What belongs to one thing: a name and its value to a line. What is undefined is left out. */
export function facts(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const made = new Table({ chars: noLines, style: { 'head': [], 'border': [], 'padding-left': 0 } })
  for (const [name, value] of pairs) if (value !== undefined) made.push([name, printable(value, factMost)])
  return trimmed(made.toString())
}

/** The value at a path of names, as text; undefined when it is not there. */
export function at(value: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>(
    (held, name) => (typeof held === 'object' && held !== null ? (held as Record<string, unknown>)[name] : undefined),
    value,
  )
  if (found === undefined || found === null) return undefined
  return typeof found === 'string' ? found : JSON.stringify(found)
}

export const print = (text: string): void => void process.stdout.write(`${text}\n`)

const cellMost = 80
const factMost = 2_000
const trimmed = (text: string): string => text.replace(/ +$/gm, '')
const noLines = {
  'top': '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  'bottom': '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  'left': '',
  'left-mid': '',
  'mid': '',
  'mid-mid': '',
  'right': '',
  'right-mid': '',
  'middle': ' ',
}
