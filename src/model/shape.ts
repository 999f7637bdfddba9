import { Check, Compile, Errors } from 'typebox/schema'
import { Settings } from 'typebox/system'
import { printable } from './text.ts'
import type { TSchema } from './type.ts'

// An optional member may be absent, not undefined. A configuration may have many faults, and all of them are told.
Settings.Set({ exactOptionalPropertyTypes: true, maxErrors: 512 })

/** Where a value is not what its schema says, and what would be right there. */
export interface ShapeFault {
  /** JSON pointer (RFC 6901); empty for the whole value. */
  readonly path: string
  readonly message: string
}

interface Annotated {
  /** In a schema of ours: what a person is told to write there. */
  readonly expected?: string
  readonly const?: unknown
  readonly anyOf?: readonly Annotated[]
  readonly properties?: Readonly<Record<string, unknown>>
}
type Fault = ReturnType<typeof Errors>[1][number]

/** Every fault; empty when the value has the shape. */
export function shapeFaults(schema: TSchema, value: unknown): ShapeFault[] {
  return Check(schema, value) ? [] : faultsIn(schema, value)
}

/** The same by code that is written for the schema when the first value comes: for values that may be long. */
export function shapeFaultsOf(schema: TSchema): (value: unknown) => ShapeFault[] {
  let validator: ReturnType<typeof Compile> | undefined
  return (value) => {
    validator ??= Compile(schema)
    return validator.Check(value) ? [] : faultsIn(schema, value)
  }
}

function faultsIn(schema: TSchema, value: unknown): ShapeFault[] {
  const [, faults] = Errors(schema, value)
  // What each branch of a choice lacks says less than that none of them fits. But it may be all that was looked for.
  const telling = faults.filter((fault) => fault.keyword !== 'boolean' && !fault.schemaPath.includes('/anyOf/'))
  return (telling.length > 0 ? telling : faults.slice(0, 1)).flatMap((fault) => explain(schema, fault))
}

function explain(schema: TSchema, fault: Fault): ShapeFault[] {
  const at = schemaAt(schema, fault.schemaPath)
  const path = printable(fault.instancePath, 200)
  switch (fault.keyword) {
    case 'additionalProperties': {
      const known = Object.keys(at.properties ?? {}).join(', ')
      const names = (fault.params as { additionalProperties: readonly string[] }).additionalProperties
      return names.map((name) => ({
        path: `${path}/${printable(name, 80)}`,
        message: `is not known; known here: ${known}`,
      }))
    }
    case 'required':
      return (fault.params as { requiredProperties: readonly string[] }).requiredProperties.map((name) => ({
        path: `${path}/${name}`,
        message: 'is missing',
      }))
    default:
      return [{ path, message: at.expected === undefined ? describe(fault, at) : `must be ${at.expected}` }]
  }
}

function describe(fault: Fault, at: Annotated): string {
  if (at.const !== undefined) return `must be ${JSON.stringify(at.const)}`
  const choices = at.anyOf?.map((choice) => choice.const).filter((choice) => choice !== undefined) ?? []
  return choices.length === 0
    ? fault.message
    : `must be one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`
}

function schemaAt(schema: TSchema, pointer: string): Annotated {
  let at: unknown = schema
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  }
  return (at ?? {}) as Annotated
}
