import type { Login } from '../model/units.ts'

/** Which account on which route a client asks for. */
export interface Asked {
  readonly login: Login
  readonly route: string
}
export type LoginCase = 'lower' | 'any'

const logins: Record<LoginCase, RegExp> = {
  lower: /^[a-z_][a-z0-9._-]{0,31}$/,
  any: /^[A-Za-z_][A-Za-z0-9._-]{0,31}$/,
}
const route = /^[a-z0-9][a-z0-9.-]{0,62}$/

/**
 * `login@route`, split at the last `@`; without one at the last `%`, or else at the last `+`. Bytes that are not UTF-8
 * have come as U+FFFD and fit no grammar, as does everything else that is not plain ASCII.
 */
export function parseUserName(text: string, loginCase: LoginCase): Asked | undefined {
  const separator = ['@', '%', '+'].find((character) => text.includes(character))
  if (separator === undefined) return undefined
  const at = text.lastIndexOf(separator)
  const asked = { login: text.slice(0, at) as Login, route: text.slice(at + 1) }
  return logins[loginCase].test(asked.login) && route.test(asked.route) ? asked : undefined
}
