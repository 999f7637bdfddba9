import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { ConfigProblem } from './config-error.ts'
import { later } from './config-schema.ts'
import { GatewayError } from './model/errors.ts'
import { shapeFaults } from './model/shape.ts'
import { printable } from './model/text.ts'
import type { TSchema } from './model/type.ts'

/** What the file holds, and what a problem with the value at a JSON pointer looks like. */
export interface Located<T> {
  readonly value: T
  readonly problem: (pointer: string, message: string) => ConfigProblem
}

/** Parses the file, fills in `${VARIABLES}` and checks the shape: all faults at once, in no order. */
export function readYaml(
  file: string,
  text: string,
  env: NodeJS.ProcessEnv,
  schema: TSchema,
): Located<unknown> & { readonly problems: readonly ConfigProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    where: at(error.pos[0]),
    message: printable(error.message, 300),
    offset: error.pos[0],
  }))
  const problem = (pointer: string, message: string): ConfigProblem => {
    const offset = offsetOf(document, pointer)
    return { where: `${at(offset)} ${dotted(pointer)}`, message, offset }
  }
  if (syntax.length > 0) return { value: undefined, problem, problems: syntax }

  const problems = fillIn(document, env, at)
  const value = toValue(document)
  const unsupported = notYet(value)
  const faults = shapeFaults(schema, value).filter(({ path }) => !unsupported.some((one) => one.path === path))
  const found = [...unsupported, ...faults].map(({ path, message }) => problem(path, message))
  return { value, problem, problems: [...problems, ...found] }
}

/** Aliases are taken, but not so many that a small file becomes a large value. */
function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    throw new GatewayError('CONFIG_INVALID', printable((thrown as Error).message, 300), { cause: thrown })
  }
}

/** `${NAME}` in a text becomes the environment's value; one that is not set is a fault. */
function fillIn(document: Document, env: NodeJS.ProcessEnv, at: (offset: number) => string): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string') return
      node.value = node.value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
        const value = env[name]
        const offset = node.range?.[0] ?? 0
        if (value === undefined) problems.push({ where: at(offset), message: `\${${name}} is not set`, offset })
        return value ?? ''
      })
    },
  })
  return problems
}

function notYet(value: unknown, path = ''): { path: string; message: string }[] {
  const [, , what] = later.find(([pointer, isMeant]) => pointer.test(path) && isMeant(value)) ?? []
  if (what !== undefined) return [{ path, message: `this version does not support ${what} yet` }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, held]) => notYet(held, `${path}/${name}`))
}

/** Of the value, or of what it is missing from. */
function offsetOf(document: Document, pointer: string): number {
  for (let steps = pointer.split('/').slice(1); steps.length > 0; steps = steps.slice(0, -1)) {
    const node = document.getIn(
      steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step)),
      true,
    )
    const range =
      isScalar(node) || (typeof node === 'object' && node !== null && 'range' in node) ? node.range : undefined
    if (Array.isArray(range)) return Number(range[0])
  }
  return 0
}

/** `/routes/0/host_keys/1` as people write it: `routes[0].host_keys[1]`. */
const dotted = (pointer: string): string =>
  pointer
    .slice(1)
    .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
