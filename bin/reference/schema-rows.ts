/** As much of a JSON schema as the contract's types use. */
export interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly description?: string
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
}

/** A line of a table. */
export interface Row {
  /** Dots between the names of what stands in each other; a `?` at the end of what may be absent. */
  readonly field: string
  /** What may stand there, with its bounds. */
  readonly value: string
  readonly description: string
}

/** A row for each field, those of objects in it included. */
export function rowsOf(schema: Schema, prefix = ''): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const mark = schema.required?.includes(name) === true ? '' : '?'
    const row = { field: `${prefix}${name}${mark}`, value: wordsFor(field), description: field.description ?? '' }
    return isOpened(field) ? [row, ...rowsOf(field, `${prefix}${name}.`)] : [row]
  })
}

/** What may stand there, in a few words. */
export function wordsFor(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.anyOf !== undefined) return schema.anyOf.map(wordsFor).join(' or ')
  switch (schema.type) {
    case 'string':
      return `text${bounds(schema.minLength, schema.maxLength, ' characters')}`
    case 'integer':
      return `whole number${bounds(schema.minimum, schema.maximum)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `list${bounds(schema.minItems, schema.maxItems)}: ${wordsFor(schema.items ?? {})}`
    case 'object':
      return objectOf(schema)
    default:
      throw new Error(`the reference has no word for ${JSON.stringify(schema)}`)
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema): string {
  if (additionalProperties === true) return 'object'
  if (typeof additionalProperties === 'object') return `object: ${wordsFor(additionalProperties)} by name`
  const fields = Object.keys(properties).map((name) => `${name}${required.includes(name) ? '' : '?'}`)
  return `\`{${fields.join(', ')}}\``
}

const isOpened = ({ type, additionalProperties }: Schema): boolean =>
  type === 'object' && additionalProperties === false

const count = (number: number): string => number.toLocaleString('en')

function bounds(least: number | undefined, most: number | undefined, unit = ''): string {
  if (least !== undefined && most !== undefined) return `, ${count(least)} to ${count(most)}${unit}`
  if (most !== undefined) return `, at most ${count(most)}${unit}`
  return least === undefined ? '' : `, ${count(least)}${unit} or more`
}
