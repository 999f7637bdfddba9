import { type ErrorCode, GatewayError } from '../model/errors.ts'
import { depthMost } from './value-text.ts'

/**
 * Refuses what a module would read otherwise than JSON, or not survive: text that is no JSON, half of a surrogate pair, a
 * number without end, and nesting beyond `depthMost`. (A module takes text that does not read for no input at all.)
 */
export function checkJson(text: string, code: ErrorCode): void {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new GatewayError(code, 'this is no JSON text', { cause })
  }
  const fault = faultIn(value, 0)
  if (fault !== undefined) throw new GatewayError(code, fault)
}

function faultIn(value: unknown, depth: number): string | undefined {
  if (depth > depthMost) return `nested deeper than ${depthMost}`
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a text that is not well-formed Unicode'
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number that is too large'
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return faultInItems(value, depth + 1)
  for (const key in value) {
    const fault = faultIn(key, depth) ?? faultIn((value as Record<string, unknown>)[key], depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultInItems(items: readonly unknown[], depth: number): string | undefined {
  for (const item of items) {
    const fault = faultIn(item, depth)
    if (fault !== undefined) return fault
  }
  return undefined
}
