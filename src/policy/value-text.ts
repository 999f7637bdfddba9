import { GatewayError } from '../model/errors.ts'
import { quote } from './go-quote.ts'
import { isNumberText, jsonNumber } from './number.ts'
import {
  arrayValue,
  booleanValue,
  nullValue,
  numberValue,
  objectValue,
  type RegoObject,
  setValue,
  stringValue,
  type Value,
} from './value.ts'

/** Arrays, objects and sets inside each other; beyond it POLICY_FAILED. */
export const depthMost = 500

/**
 * Reads what a module's `opa_value_dump` wrote: JSON, and besides it sets, as `{1, 2}` and `set()`, keys of any type, and
 * numbers in the notations of number.ts. Throws POLICY_FAILED for anything else.
 */
export function readValue(text: string): Value {
  const reader = new Reader(text)
  const value = reader.value(0)
  reader.end()
  return value
}

const scalars: readonly (readonly [word: string, value: Value])[] = [
  ['null', nullValue],
  ['true', booleanValue(true)],
  ['false', booleanValue(false)],
  ['set()', setValue([])],
]

class Reader {
  readonly #text: string
  #at = 0
  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): Value {
    if (depth > depthMost) throw new GatewayError('POLICY_FAILED', `a value nested deeper than ${depthMost}`)
    this.#blanks()
    switch (this.#text[this.#at]) {
      case '"':
        return stringValue(this.#string())
      case '[':
        this.#at++
        return arrayValue(this.#list(']', () => this.value(depth + 1)))
      case '{':
        this.#at++
        return this.#objectOrSet(depth + 1)
      default:
        return this.#scalar()
    }
  }

  end(): void {
    this.#blanks()
    if (this.#at < this.#text.length) throw this.#unreadable()
  }

  #objectOrSet(depth: number): Value {
    if (this.#skip('}')) return objectValue([])
    const first = this.value(depth)
    if (!this.#skip(':')) return setValue([first, ...this.#rest('}', () => this.value(depth))])
    const entry = [first, this.value(depth)] as const
    return objectValue([entry, ...this.#rest('}', () => this.#entry(depth))])
  }

  #entry(depth: number): readonly [Value, Value] {
    const key = this.value(depth)
    if (!this.#skip(':')) throw this.#unreadable()
    return [key, this.value(depth)]
  }

  #list<Item>(end: string, read: () => Item): Item[] {
    return this.#skip(end) ? [] : [read(), ...this.#rest(end, read)]
  }

  #rest<Item>(end: string, read: () => Item): Item[] {
    const items: Item[] = []
    while (!this.#skip(end)) {
      if (!this.#skip(',')) throw this.#unreadable()
      items.push(read())
    }
    return items
  }

  #string(): string {
    const start = this.#at
    let end = this.#text.indexOf('"', start + 1)
    while (end > 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    if (end < 0) throw this.#unreadable()
    this.#at = end + 1
    const inside = this.#text.slice(start + 1, end)
    if (!/[\\\x00-\x1f]/.test(inside)) return inside
    try {
      return JSON.parse(`"${inside}"`) as string
    } catch {
      throw this.#unreadable()
    }
  }

  #isEscaped(mark: number): boolean {
    let backslashes = 0
    while (this.#text[mark - 1 - backslashes] === '\\') backslashes++
    return backslashes % 2 === 1
  }

  #scalar(): Value {
    for (const [word, value] of scalars)
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    const number = /[-+.\deE]*/y
    number.lastIndex = this.#at
    const [text = ''] = number.exec(this.#text) ?? []
    if (!isNumberText(text)) throw this.#unreadable()
    this.#at += text.length
    return numberValue(text)
  }

  #skip(mark: string): boolean {
    this.#blanks()
    if (this.#text[this.#at] !== mark) return false
    this.#at++
    return true
  }

  #blanks(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #unreadable(): GatewayError {
    return new GatewayError('POLICY_FAILED', `the module wrote no Rego value (character ${this.#at + 1})`)
  }
}

/** The text that a module's `opa_value_parse` takes: JSON with sets and with keys of any type. */
export const regoText = (value: Value): string => write(value, forModule)
/** As OPA shows a value to people (ast.Value.String): in messages, in `sprintf`, in `print`. */
export const termText = (value: Value): string => write(value, forPeople)
/** JSON (RFC 8259): sets as arrays, and a key that is no string as its JSON text. Throws POLICY_FAILED for two keys that then are one. */
export const jsonText = (value: Value): string => write(value, forJson)

interface Style {
  readonly string: (text: string) => string
  readonly number: (text: string) => string
  /** An object as it can be written. */
  readonly object: (object: RegoObject) => RegoObject
  readonly comma: string
  readonly colon: string
  readonly set: readonly [open: string, close: string, empty: string]
}

const jsonString = (text: string): string => JSON.stringify(text.toWellFormed())
const forModule: Style = {
  string: jsonString,
  number: jsonNumber,
  object: (object) => object,
  comma: ',',
  colon: ':',
  set: ['{', '}', 'set()'],
}
const forJson: Style = {
  ...forModule,
  object: withTextKeys,
  set: ['[', ']', '[]'],
}
const forPeople: Style = {
  string: quote,
  number: (text) => text,
  object: (object) => object,
  comma: ', ',
  colon: ': ',
  set: ['{', '}', 'set()'],
}

function write(value: Value, style: Style): string {
  const list = (items: readonly Value[]) => items.map((item) => write(item, style)).join(style.comma)
  switch (value.type) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(value.value)
    case 'number':
      return style.number(value.text)
    case 'string':
      return style.string(value.value)
    case 'array':
      return `[${list(value.items)}]`
    case 'set':
      return value.items.length === 0 ? style.set[2] : `${style.set[0]}${list(value.items)}${style.set[1]}`
    case 'object': {
      const { entries } = style.object(value)
      const members = entries.map(([key, held]) => `${write(key, style)}${style.colon}${write(held, style)}`)
      return `{${members.join(style.comma)}}`
    }
  }
}

function withTextKeys(object: RegoObject): RegoObject {
  if (object.entries.every(([key]) => key.type === 'string')) return object
  const renamed = objectValue(
    object.entries.map(([key, held]) => [key.type === 'string' ? key : stringValue(jsonText(key)), held]),
  )
  if (renamed.entries.length < object.entries.length)
    throw new GatewayError('POLICY_FAILED', 'an object with two keys that are one in JSON')
  return renamed
}

/** A plain JSON value (or one with integers as bigint) as Rego sees it. Throws RangeError for what JSON has no word for. */
export function valueFromJson(json: unknown): Value {
  if (json === null) return nullValue
  if (Array.isArray(json)) return arrayValue(json.map(valueFromJson))
  switch (typeof json) {
    case 'boolean':
      return booleanValue(json)
    case 'string':
      return stringValue(json)
    case 'bigint':
      return numberValue(json.toString())
    case 'number':
      if (Number.isFinite(json)) return numberValue(json.toString())
      break
    case 'object':
      return objectValue(Object.entries(json).map(([key, held]) => [stringValue(key), valueFromJson(held)]))
  }
  throw new RangeError(`JSON has no ${typeof json} ${String(json)}`)
}
