/** Layouts of Go's package time: how a layout would write Monday, 2 January 2006, 15:04:05 in the zone MST (-0700). */

/** An element of a layout, in Go's own spelling (`2006`, `Jan`, `-07:00`, `.000`), and the literal text before it. */
export interface Chunk {
  readonly literal: string
  /** Absent after the last element. */
  readonly element?: string
}

/** The names that OPA takes in place of a layout. */
const named: Readonly<Record<string, string>> = {
  ANSIC: 'Mon Jan _2 15:04:05 2006',
  UnixDate: 'Mon Jan _2 15:04:05 MST 2006',
  RubyDate: 'Mon Jan 02 15:04:05 -0700 2006',
  RFC822: '02 Jan 06 15:04 MST',
  RFC822Z: '02 Jan 06 15:04 -0700',
  RFC850: 'Monday, 02-Jan-06 15:04:05 MST',
  RFC1123: 'Mon, 02 Jan 2006 15:04:05 MST',
  RFC1123Z: 'Mon, 02 Jan 2006 15:04:05 -0700',
  RFC3339: '2006-01-02T15:04:05Z07:00',
  RFC3339Nano: '2006-01-02T15:04:05.999999999Z07:00',
}

export const layoutNamed = (layout: string): string =>
  Object.hasOwn(named, layout) ? (named[layout] ?? layout) : layout
export const rfc3339 = layoutNamed('RFC3339')
export const rfc3339Nano = layoutNamed('RFC3339Nano')

const elements =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|_2(?!006)|__2|3|4|5|PM|pm|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?!\d)/g

/** In order; the last chunk has no element. */
export function chunksOf(layout: string): readonly Chunk[] {
  const chunks: Chunk[] = []
  let end = 0
  for (const match of layout.matchAll(elements)) {
    chunks.push({ literal: layout.slice(end, match.index), element: match[0] })
    end = match.index + match[0].length
  }
  return [...chunks, { literal: layout.slice(end) }]
}

export const isFraction = (element: string): boolean => /^[.,]/.test(element)
export const isOffset = (element: string): boolean => /^[-Z]07/.test(element)

export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const
export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
