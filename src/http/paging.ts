import { Type } from '../model/type.ts'
import { ApiError } from './errors.ts'

const usualLimit = 50
const limitMost = 500

/** Of every list. */
export const pageParameters = {
  limit: Type.Optional(
    Type.String({ pattern: '^[1-9]\\d{0,2}$', description: `1 to ${limitMost}; ${usualLimit} when absent` }),
  ),
  cursor: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$', description: '`next_cursor` of the page before' }),
  ),
}
export const nextCursor = Type.Optional(Type.String({ description: 'for the next page; absent on the last' }))

/** Where a list goes on: after the one with these two values. They are what it is sorted by, and so no two are the same. */
export type Place = readonly [number | string, number | string]

export function readLimit(limit: string | undefined): number {
  const number = Number(limit ?? usualLimit)
  if (number > limitMost) throw new ApiError(400, 'invalid_parameter', `limit must be at most ${limitMost}`)
  return number
}

export const writeCursor = ([first, second]: Place): string =>
  Buffer.from(`before ${first} ${second}`).toString('base64url')

/** `pattern` has a group for each of the two. */
export function readCursor(cursor: string, pattern: RegExp): readonly [string, string] {
  const [, first, second] = pattern.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (first === undefined || second === undefined)
    throw new ApiError(400, 'invalid_parameter', 'the cursor is none of this list')
  return [first, second]
}

/** One more than the limit was asked for: whether there is a next page shows in what came. */
export function pageOf<Item>(found: readonly Item[], limit: number, place: (last: Item) => Place) {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return found.length > limit && last !== undefined
    ? { items, next: { next_cursor: writeCursor(place(last)) } }
    : { items, next: {} }
}
