import type { CompiledQuery } from 'kysely'

/** Stands in a query for a value that is not there yet. */
class Slot {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * A query that is compiled once, and then only given its values: Kysely takes longer to compile one than SQLite to run it.
 * `build` gets, by name, what stands in it for each value. What does not end up as a parameter of its own is a fault at once.
 */
export function prepare<Values extends object>(
  names: readonly (keyof Values & string)[],
  build: (slots: Values) => { compile(): CompiledQuery },
): (values: Values) => CompiledQuery {
  const slots = Object.fromEntries(names.map((name) => [name, new Slot(name)]))
  const compiled = build(slots as Values).compile()
  const filled = compiled.parameters.map((parameter) => (parameter instanceof Slot ? parameter.name : undefined))
  for (const name of names) if (!filled.includes(name)) throw new Error(`no parameter of the query is ${name}`)
  return (values) => ({
    ...compiled,
    parameters: compiled.parameters.map((parameter, index) => {
      const name = filled[index]
      return name === undefined ? parameter : values[name as keyof Values]
    }),
  })
}
