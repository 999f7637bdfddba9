/** Lines for operators, one JSON object each; pino is one. What decides about people stands in the decision log instead. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** An error as fields of a line: its code, its message, and what caused it. */
export function faultFields(fault: Error & { readonly code?: unknown }): object {
  const causes: string[] = []
  for (let cause = fault.cause; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(cause.message)
  return { code: fault.code, fault: fault.message, ...(causes.length === 0 ? {} : { causes }) }
}
