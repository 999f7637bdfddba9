import { type ClaimSettings, identityOf } from '../identity/claims.ts'
import { signIn } from '../identity/device-flow.ts'
import type { Identities } from '../identity/identities.ts'
import type { Issuer } from '../identity/issuer.ts'
import type { Login } from '../identity/logins.ts'
import type { PolicyIdentity } from '../model/context.ts'
import { GatewayError } from '../model/errors.ts'
import { type Clock, type Milliseconds, unixSeconds } from '../model/units.ts'
import type { Caller } from './authentication.ts'
import type { Commons } from './commons.ts'
import type { Measures } from './measures.ts'
import { signInText } from './words.ts'

export interface SignInParts {
  readonly issuer: Issuer
  readonly identities: Identities
  /** Bounds those who sign in at once, and the codes asked for at the issuer, whoever leaves them unused. */
  readonly commons: Pick<Commons, 'signIn'>
  readonly claims: ClaimSettings
  /** How long a login lasts. */
  readonly loginTtl: Milliseconds
  readonly gateway: string
  readonly clock: Clock
  readonly measures: Pick<Measures, 'signIn'>
}

export interface SignedIn {
  readonly identity: PolicyIdentity
  /** Absent without a key: nothing is kept. */
  readonly login?: Login
}

/**
 * Signs a person in and keeps the login by the key that was proven; without a key nothing is kept. Who leaves while the
 * code is pending has cancelled it: an approval that comes later makes no login.
 */
export async function signInCaller(
  caller: Caller,
  show: (text: string) => Promise<void>,
  signal: AbortSignal,
  { signIn: parts, person }: { readonly signIn: SignInParts; readonly person?: PolicyIdentity },
): Promise<SignedIn> {
  try {
    const signedIn = await signInAndKeep(caller, show, signal, parts, person)
    parts.measures.signIn('signed-in')
    return signedIn
  } catch (thrown) {
    parts.measures.signIn(thrown instanceof GatewayError ? thrown.code : 'INTERNAL')
    throw thrown
  }
}

async function signInAndKeep(
  caller: Caller,
  show: (text: string) => Promise<void>,
  signal: AbortSignal,
  parts: SignInParts,
  person: PolicyIdentity | undefined,
): Promise<SignedIn> {
  const taken = await parts.commons.signIn(caller.source)
  if (typeof taken === 'string') throw new GatewayError('TOO_MANY_SIGN_INS', taken)
  using _place = taken
  const flow = signIn(parts.issuer, signal)
  let step = await flow.next()
  while (step.done !== true) {
    const { asked, source } = caller
    await show(signInText({ ...step.value, asked, source, gateway: parts.gateway }))
    step = await flow.next()
  }
  signal.throwIfAborted()
  const at = parts.clock()
  const expiresAt = unixSeconds(at + parts.loginTtl / 1000)
  const identity = identityOf(step.value, { at, expiresAt, flow: 'device', sshSourceIp: caller.source }, parts.claims)
  refuseOthers(identity, person) // before anything is kept
  const login = await parts.identities.signedIn(caller.key, caller.source, identity)
  return login === undefined ? { identity } : { identity, login }
}

/** Inside a jump there is the person of the connection that it is in, and nobody else. Throws JUMP_PERSON. */
export function refuseOthers({ issuer, subject, username }: PolicyIdentity, person: PolicyIdentity | undefined): void {
  if (person === undefined || (person.issuer === issuer && person.subject === subject)) return
  throw new GatewayError('JUMP_PERSON', `${username} inside the connection of ${person.username}`)
}
