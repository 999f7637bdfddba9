import type { Everywhere } from './gateway/everywhere.ts'
import { GatewayError } from './model/errors.ts'

/** What a login is taken out of. */
export interface RevocationParts {
  /** `remove`: whether there was one. Once it has resolved nobody finds it. */
  readonly logins: { remove(id: string): Promise<boolean> }
  readonly everywhere: Pick<Everywhere, 'end'>
}

/**
 * Takes a login away and ends what rests on it: at once, since the store may take its time or fail, and again when nobody
 * can find it any more, for those who came in between. False when there is none.
 */
export async function revokeLogin(
  id: string,
  { logins, everywhere }: RevocationParts,
  because = 'an operator revoked the login',
): Promise<boolean> {
  const why = new GatewayError('LOGIN_REVOKED', because)
  // What it answers is of no use here, and the store need not wait for it: the other processes hear in the order of saying.
  everywhere.end(why, { loginId: id }, 'more').catch(() => {})
  try {
    return await logins.remove(id)
  } finally {
    await everywhere.end(why, { loginId: id })
  }
}
