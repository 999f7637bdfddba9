import { inspect } from 'node:util'
import { ApiFailure } from './commands/api-failure.ts'
import { ConfigError } from './config-error.ts'
import { GatewayError } from './model/errors.ts'

/** What is said of it on stderr, and the exit code: 1 refused or failed, 2 wrong usage or configuration. */
export function failureOf(thrown: unknown): { readonly text: string; readonly exitCode: number } {
  return { text: textOf(thrown), exitCode: isWrongUse(thrown) ? 2 : 1 }
}

function textOf(thrown: unknown): string {
  if (thrown instanceof ConfigError) return thrown.message
  if (thrown instanceof ApiFailure) return `regate: ${thrown.message}`
  if (thrown instanceof GatewayError) return `regate: ${thrown.message} (${thrown.code})`
  return thrown instanceof Error && 'code' in thrown ? `regate: ${thrown.message}` : inspect(thrown)
}

/** A configuration that is wrong, or a file that was named and cannot be read: what a socket met has no path. */
function isWrongUse(thrown: unknown): boolean {
  if (thrown instanceof ApiFailure) return thrown.exitCode === 2
  if (thrown instanceof GatewayError) return thrown.code === 'CONFIG_INVALID'
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).path !== undefined
}
