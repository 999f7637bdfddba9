import { Compile } from 'typebox/schema'
import { Allow, Challenge, type Decision, Deny } from '../model/decision.ts'
import { GatewayError } from '../model/errors.ts'
import { shapeFaults } from '../model/shape.ts'
import { printable } from '../model/text.ts'
import type { TSchema } from '../model/type.ts'

const form = (schema: TSchema) => ({ schema, validator: Compile(schema) })
const forms: Readonly<Record<string, ReturnType<typeof form>>> = {
  allow: form(Allow),
  challenge: form(Challenge),
  deny: form(Deny),
}

/**
 * Reads what the policy answered into a decision, naming the field that is wrong: DECISION_SHAPE. Closed: an unknown key
 * anywhere denies, since a restriction with a typing error in it must not vanish.
 */
export function readDecision(result: unknown): Decision {
  const outcome = typeof result === 'object' && result !== null ? (result as { outcome?: unknown }).outcome : undefined
  const form = typeof outcome === 'string' && Object.hasOwn(forms, outcome) ? forms[outcome] : undefined
  if (form === undefined) throw wrong('/outcome', 'must be one of "allow", "challenge", "deny"')
  if (form.validator.Check(result)) return clean(result as Decision)
  const [first] = shapeFaults(form.schema, result)
  throw wrong(first?.path ?? '', first?.message ?? 'has the wrong shape')
}

/** What is shown to people is made printable here, once. */
function clean(decision: Decision): Decision {
  if (decision.reasons === undefined) return decision
  const reasons = decision.reasons.map(({ code, message }) => ({
    code: printable(code, 128),
    message: printable(message, 1024),
  }))
  return { ...decision, reasons }
}

const wrong = (path: string, what: string): GatewayError =>
  new GatewayError('DECISION_SHAPE', `the decision is wrong at ${path === '' ? '/' : printable(path, 120)}: ${what}`)
