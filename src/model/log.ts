import { GatewayError } from './errors.ts'
import { printable } from './text.ts'

/** Lines for operators, one JSON object each; pino is one. What decides about people stands in the decision log instead. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A log whose lines all have these fields besides their own. */
  child(fields: object): Log
}

/** The same log, whose lines all have these fields besides their own. Nothing is made of them before there is a line. */
export const withFields = (log: Log, fields: object): Log => new Fielded(log, fields)

class Fielded implements Log {
  readonly #log: Log
  readonly #fields: object

  constructor(log: Log, fields: object) {
    this.#log = log
    this.#fields = fields
  }

  debug(fields: object, message: string): void {
    this.#log.debug({ ...this.#fields, ...fields }, message)
  }

  info(fields: object, message: string): void {
    this.#log.info({ ...this.#fields, ...fields }, message)
  }

  warn(fields: object, message: string): void {
    this.#log.warn({ ...this.#fields, ...fields }, message)
  }

  error(fields: object, message: string): void {
    this.#log.error({ ...this.#fields, ...fields }, message)
  }

  child(fields: object): Log {
    return new Fielded(this.#log, { ...this.#fields, ...fields })
  }
}

/** Characters of one text in a line. Others may have written it: a peer's name for something, a library's message. */
const textMost = 200

/** An error as fields of a line: its code, its message, and what caused it. */
export function faultFields(fault: Error & { readonly code?: unknown }): object {
  const causes: string[] = []
  for (let cause = fault.cause; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(printable(cause.message, textMost))
  return {
    ...(fault.code === undefined ? {} : { code: printable(String(fault.code), textMost) }),
    fault: printable(fault.message, textMost),
    ...(causes.length === 0 ? {} : { causes }),
  }
}

/** How something ended that could not go on. What is nobody's doing but the gateway's own is an error, all else is news. */
export function logEnd(log: Log, fault: Error, message: string, more: object = {}): void {
  const ours = !(fault instanceof GatewayError) || fault.code === 'INTERNAL'
  log[ours ? 'error' : 'info']({ ...more, ...faultFields(fault) }, message)
}
