import type { Login } from '../model/units.ts'

/** Which account on which route a client asks for. */
export interface Asked {
  readonly login: Login
  readonly route: string
}
/** A user name without a route: its connection ends at the gateway (see visit.ts). */
export interface AskedHere {
  readonly login: Login
  readonly route?: undefined
}
export type LoginCase = 'lower' | 'any'
export interface NameRules {
  readonly loginCase: LoginCase
  /** Where a login without a route leads; absent: nowhere. */
  readonly defaultRoute?: string
  /** Inside a jump: the route that it leads to, whatever stands in the name. */
  readonly jumpTo?: string
}

const logins: Record<LoginCase, RegExp> = {
  lower: /^[a-z_][a-z0-9._-]{0,31}$/,
  any: /^[A-Za-z_][A-Za-z0-9._-]{0,31}$/,
}
const route = /^[a-z0-9][a-z0-9.-]{0,62}$/

export const isRouteName = (text: string): boolean => route.test(text)

/** Beside a default route the one name that leads to the gateway itself. */
const reserved = 'regate'

export const parseLogin = (text: string, { loginCase }: Pick<NameRules, 'loginCase'>): Login | undefined =>
  logins[loginCase].test(text) ? (text as Login) : undefined

/**
 * `login@route`, split at the last `@`; without one at the last `%`, or else at the last `+`. A login alone leads to the
 * gateway itself, and where there is a default route it leads there, but for the name `regate`. Inside a jump it leads where
 * the jump does, and no other route may be named. Bytes that are not UTF-8 have come as U+FFFD and fit no grammar, as does everything else that is not plain ASCII.
 */
export function parseUserName(text: string, rules: NameRules): Asked | AskedHere | undefined {
  const separator = ['@', '%', '+'].find((character) => text.includes(character))
  const at = separator === undefined ? text.length : text.lastIndexOf(separator)
  const login = parseLogin(text.slice(0, at), rules)
  if (login === undefined) return undefined
  const named = separator === undefined ? undefined : text.slice(at + 1)
  const { jumpTo } = rules
  if (jumpTo !== undefined) return (named ?? jumpTo) === jumpTo ? { login, route: jumpTo } : undefined
  if (named !== undefined) return isRouteName(named) ? { login, route: named } : undefined
  return rules.defaultRoute === undefined || text === reserved ? { login } : { login, route: rules.defaultRoute }
}
