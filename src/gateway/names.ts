import type { Login } from '../model/units.ts'

/** Which account on which route a client asks for. */
export interface Asked {
  readonly login: Login
  readonly route: string
}
export type LoginCase = 'lower' | 'any'
export interface NameRules {
  readonly loginCase: LoginCase
  /** Where a login without a route leads; absent: nowhere. */
  readonly defaultRoute?: string
}

const logins: Record<LoginCase, RegExp> = {
  lower: /^[a-z_][a-z0-9._-]{0,31}$/,
  any: /^[A-Za-z_][A-Za-z0-9._-]{0,31}$/,
}
const route = /^[a-z0-9][a-z0-9.-]{0,62}$/

/** Beside a default route: for what the gateway itself will have to say. */
const reserved = 'regate'
export const isReserved = (text: string, { defaultRoute }: NameRules): boolean =>
  defaultRoute !== undefined && text === reserved

/**
 * `login@route`, split at the last `@`; without one at the last `%`, or else at the last `+`; and a login alone where there
 * is a default route. Bytes that are not UTF-8
 * have come as U+FFFD and fit no grammar, as does everything else that is not plain ASCII.
 */
export function parseUserName(text: string, { loginCase, defaultRoute }: NameRules): Asked | undefined {
  const separator = ['@', '%', '+'].find((character) => text.includes(character))
  if (separator === undefined) {
    if (defaultRoute === undefined || text === reserved || !logins[loginCase].test(text)) return undefined
    return { login: text as Login, route: defaultRoute }
  }
  const at = text.lastIndexOf(separator)
  const asked = { login: text.slice(0, at) as Login, route: text.slice(at + 1) }
  return logins[loginCase].test(asked.login) && route.test(asked.route) ? asked : undefined
}
