import type { ErrorCode, GatewayError } from '../model/errors.ts'

/** What a source is penalised for (OpenSSH: sshd_config(5), PerSourcePenalties). */
export type Offence = 'crash' | 'authfail' | 'grace-exceeded' | 'refuse-connection' | 'noauth'
export const offences: readonly Offence[] = ['crash', 'authfail', 'grace-exceeded', 'refuse-connection', 'noauth']

/** How somebody left who was not let in. */
export interface Departure {
  readonly fault: GatewayError
  /** A guess failed: a proof that does not verify, a method that is not taken. */
  readonly failed: boolean
  /** A key was proven, and is somebody's whom the gateway knows. */
  readonly known: boolean
  /** A code was shown, and the person did not come back with it in time. */
  readonly signingIn: boolean
  /** They waited for the gateway: for the policy, the store, the target. */
  readonly kept: boolean
}

/** Whose fault it was that nobody was let in. What stands nowhere here is the gateway's, the provider's or the target's. */
const offenceOf: Partial<Record<ErrorCode, Offence>> = {
  PROTOCOL_ERROR: 'crash',
  WIRE_MALFORMED: 'crash',
  RELAY_LIMIT: 'crash',
  NAME_GRAMMAR: 'authfail',
  TOO_MANY_ATTEMPTS: 'authfail',
  ROBOT_EXPIRED: 'authfail',
  ROBOT_SOURCE: 'authfail',
  SIGN_IN_DENIED: 'authfail',
  GRACE_EXCEEDED: 'grace-exceeded',
  DENIED_BY_POLICY: 'refuse-connection',
  SIGN_IN_EXPIRED: 'noauth',
  TOO_MANY_SIGN_INS: 'noauth',
  NO_COMMON_ALGORITHM: 'noauth',
  CLIENT_LEFT: 'noauth',
}

/** A person who is known, or who was kept waiting, has done nothing; one whose code ran out next to nothing. */
export function offenceIn({ fault, failed, known, signingIn, kept }: Departure): Offence | undefined {
  const { code } = fault
  if (code === 'GRACE_EXCEEDED' && kept) return undefined
  if (known && (code === 'DENIED_BY_POLICY' || code === 'CLIENT_LEFT' || code === 'GRACE_EXCEEDED')) return undefined
  if (code === 'GRACE_EXCEEDED' && signingIn) return 'noauth'
  if (code === 'CLIENT_LEFT' && failed) return 'authfail'
  return offenceOf[code]
}
