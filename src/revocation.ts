import { GatewayError } from './model/errors.ts'

/** What a login is taken out of. */
export interface RevocationParts {
  /** `remove`: whether there was one. Once it has resolved nobody finds it. */
  readonly logins: { remove(id: string): Promise<boolean> }
  readonly sessions: {
    end(why: GatewayError, whose: (person: { readonly loginId?: string }) => boolean): number
  }
}

/**
 * Takes a login away and ends what rests on it: at once, since the store may take its time or fail, and again when nobody
 * can find it any more, for those who came in between. False when there is none.
 */
export async function revokeLogin(
  id: string,
  { logins, sessions }: RevocationParts,
  because = 'an operator revoked the login',
): Promise<boolean> {
  const why = new GatewayError('LOGIN_REVOKED', because)
  const end = (): void => void sessions.end(why, ({ loginId }) => loginId === id)
  end()
  try {
    return await logins.remove(id)
  } finally {
    end()
  }
}
