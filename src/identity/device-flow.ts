import { setTimeout as wait } from 'node:timers/promises'
import { GatewayError } from '../model/errors.ts'
import type { DeviceGrant, IdTokenClaims, Issuer } from './issuer.ts'

/** What the person must see to sign in elsewhere. */
export interface Prompt {
  readonly verificationUri: string
  readonly userCode: string
  /** How long the code can be used. */
  readonly seconds: number
}

/** A short outage of the provider while the person is at it does not end the sign-in. */
const patienceForOutage = 5
const pauseAfterOutage = 2_000

/**
 * The device flow (RFC 8628): yields what to show, returns the claims of the verified ID token. Gives up at the code's
 * expiry (section 3.2), or when `signal` aborts: an approval that comes later is not asked for any more.
 */
export async function* signIn(issuer: Issuer, signal: AbortSignal): AsyncGenerator<Prompt, IdTokenClaims> {
  const grant = await issuer.begin(signal)
  yield { verificationUri: grant.verificationUri, userCode: grant.userCode, seconds: grant.expiresInSeconds }
  const expiry = AbortSignal.timeout(grant.expiresInSeconds * 1000)
  try {
    return await finish(issuer, grant, AbortSignal.any([signal, expiry]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (expiry.aborted) throw new GatewayError('SIGN_IN_EXPIRED', 'the code was not used in time', { cause: error })
    throw error
  }
}

async function finish(issuer: Issuer, grant: DeviceGrant, signal: AbortSignal): Promise<IdTokenClaims> {
  for (let outages = 0; ; outages++) {
    try {
      return await issuer.finish(grant, signal)
    } catch (error) {
      const outage = error instanceof GatewayError && error.code === 'ISSUER_UNAVAILABLE'
      if (!outage || outages >= patienceForOutage) throw error
      await wait(pauseAfterOutage, undefined, { signal })
    }
  }
}
