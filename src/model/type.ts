import type { TSchema, Type as TypeBox } from 'typebox'

export type { Static, TSchema } from 'typebox'

type Options = Readonly<Record<string, unknown>>
const optional = new WeakSet<TSchema>()

/** The member of an object that may be absent. */
function Optional(schema: TSchema): TSchema {
  const marked = { ...schema }
  optional.add(marked)
  return marked
}

function ObjectOf(properties: Readonly<Record<string, TSchema>>, options?: Options): TSchema {
  const required = Object.entries(properties).flatMap(([name, schema]) => (optional.has(schema) ? [] : [name]))
  return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options }
}

const builder = {
  Array: (items: TSchema, options?: Options) => ({ type: 'array', items, ...options }),
  Boolean: (options?: Options) => ({ type: 'boolean', ...options }),
  Integer: (options?: Options) => ({ type: 'integer', ...options }),
  Literal: (value: string, options?: Options) => ({ type: 'string', const: value, ...options }),
  Null: (options?: Options) => ({ type: 'null', ...options }),
  Object: ObjectOf,
  Optional,
  String: (options?: Options) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly TSchema[], options?: Options) => ({ anyOf, ...options }),
  Unknown: (options?: Options) => ({ ...options }),
}

/**
 * Of TypeBox's `Type` what is used here, with its types: it makes the same JSON Schema, as a test holds. The whole of it knows
 * all that TypeScript has, in three hundred files that each process would load before it is ready.
 */
export const Type = builder as unknown as Pick<typeof TypeBox, keyof typeof builder>
