import { compareNumbers } from './number.ts'

/** A value of Rego. `type` is what Rego's own `type_name` says of it. */
export type Value =
  | { readonly type: 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | RegoNumber
  | RegoString
  | RegoArray
  | RegoSet
  | RegoObject
export interface RegoNumber {
  readonly type: 'number'
  /** Decimal, as it was written; see number.ts. */
  readonly text: string
}
export interface RegoString {
  readonly type: 'string'
  readonly value: string
}
export interface RegoArray {
  readonly type: 'array'
  readonly items: readonly Value[]
}
export interface RegoSet {
  readonly type: 'set'
  /** In the order of `compare`, each once. */
  readonly items: readonly Value[]
}
export interface RegoObject {
  readonly type: 'object'
  /** In the order of their keys, each once. A key may be any value. */
  readonly entries: readonly (readonly [key: Value, value: Value])[]
}

export const nullValue: Value = { type: 'null' }
const trueValue: Value = { type: 'boolean', value: true }
const falseValue: Value = { type: 'boolean', value: false }
export const booleanValue = (value: boolean): Value => (value ? trueValue : falseValue)
export const numberValue = (text: string): RegoNumber => ({ type: 'number', text })
export const integerValue = (value: bigint | number): RegoNumber => numberValue(value.toString())
export const stringValue = (value: string): RegoString => ({ type: 'string', value })
export const arrayValue = (items: readonly Value[]): RegoArray => ({ type: 'array', items })

/** Items that are equal are taken once. */
export const setValue = (items: readonly Value[]): RegoSet => ({
  type: 'set',
  items: items.toSorted(compare).filter((item, at, all) => at === 0 || compare(all[at - 1] ?? item, item) !== 0),
})

/** Of entries with the same key the last one counts. */
export const objectValue = (entries: readonly (readonly [Value, Value])[]): RegoObject => ({
  type: 'object',
  entries: entries
    .toSorted(([one], [other]) => compare(one, other))
    .filter(([key], at, all) => compareOrAbsent(key, all[at + 1]?.[0]) !== 0),
})

const compareOrAbsent = (key: Value, other: Value | undefined): number =>
  other === undefined ? -1 : compare(key, other)

/** The value of a key; undefined when there is none. */
export function lookUp(object: RegoObject, key: Value): Value | undefined {
  return object.entries[position(object.entries.length, (at) => compareOrAbsent(key, object.entries[at]?.[0]))]?.[1]
}

export function contains(set: RegoSet, item: Value): boolean {
  return position(set.items.length, (at) => compareOrAbsent(item, set.items[at])) >= 0
}

/** Binary search: where `order` is 0; -1 when nowhere. */
function position(length: number, order: (at: number) => number): number {
  for (let low = 0, high = length - 1; low <= high; ) {
    const at = (low + high) >> 1
    const sign = order(at)
    if (sign === 0) return at
    if (sign < 0) high = at - 1
    else low = at + 1
  }
  return -1
}

const rank: Record<Value['type'], number> = { null: 0, boolean: 1, number: 2, string: 3, array: 4, object: 5, set: 6 }

/** OPA's total order (ast.Compare): negative when `one` comes first, 0 when they are equal. */
export function compare(one: Value, other: Value): number {
  if (one === other) return 0
  switch (one.type) {
    case 'null':
      break
    case 'boolean':
      if (other.type === 'boolean') return Number(one.value) - Number(other.value)
      break
    case 'number':
      if (other.type === 'number') return compareNumbers(one.text, other.text)
      break
    case 'string':
      if (other.type === 'string') return compareText(one.value, other.value)
      break
    case 'array':
      if (other.type === 'array') return compareLists(one.items, other.items, compare)
      break
    case 'object':
      if (other.type === 'object') return compareLists(one.entries, other.entries, compareEntries)
      break
    case 'set':
      if (other.type === 'set') return compareLists(one.items, other.items, compare)
      break
  }
  return rank[one.type] - rank[other.type]
}

export const equal = (one: Value, other: Value): boolean => compare(one, other) === 0

function compareEntries(one: readonly [Value, Value], other: readonly [Value, Value]): number {
  return compare(one[0], other[0]) || compare(one[1], other[1])
}

function compareLists<Item>(
  one: readonly Item[],
  other: readonly Item[],
  order: (one: Item, other: Item) => number,
): number {
  for (const [at, item] of one.entries()) {
    const against = other[at]
    if (against === undefined) return 1
    const sign = order(item, against)
    if (sign !== 0) return sign
  }
  return one.length - other.length
}

/** By code points, as Go orders the bytes of UTF-8; JavaScript's own `<` goes by UTF-16 units. */
function compareText(one: string, other: string): number {
  if (one === other) return 0
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)]
    // Half of a pair stands for a code point beyond any that one unit holds.
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1
  }
  return one.length - other.length
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff
