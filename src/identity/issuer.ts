import * as oidc from 'openid-client'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { isTrustworthy } from './trustworthy.ts'

export interface IssuerSettings {
  /** The issuer URL: https, or http on a loopback address. */
  readonly issuer: URL
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret?: string
  readonly scopes: readonly string[]
}

/** RFC 8628 section 3.2. */
export interface DeviceGrant {
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly expiresInSeconds: number
}

/** The claims of an ID token that was verified: issuer, audience, signature, algorithm, expiry (OpenID Connect Core 3.1.3.7). */
export type IdTokenClaims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string }

/** The identity provider, as far as signing in needs it. All throw ISSUER_UNAVAILABLE, ISSUER_INVALID or INTERNAL. */
export interface Issuer {
  begin(signal: AbortSignal): Promise<DeviceGrant>
  /** Waits for the person. Throws SIGN_IN_DENIED or SIGN_IN_EXPIRED as well. */
  finish(grant: DeviceGrant, signal: AbortSignal): Promise<IdTokenClaims>
  /** Finds the provider and says what is wrong with it, for `regate check`. */
  probe(): Promise<void>
}

/** Seconds that one answer may take. */
const answerSeconds = 10
/** Bytes that one answer may have; a token with all its claims is a few kilobytes. */
const answerMost = 262_144
/** Seconds that a code may be good for, whatever the provider says. */
const expiry = { least: 1, most: 1_800 } as const
/** Seconds between two questions whether the person is done; 5 when the provider says nothing (RFC 8628 section 3.2). */
const interval = { least: 0.05, most: 60 } as const

export function createIssuer(settings: IssuerSettings): Issuer {
  let found: Promise<oidc.Configuration> | undefined
  // Found when first needed and again after a failure: the gateway starts without its provider.
  const configuration = (): Promise<oidc.Configuration> => {
    found ??= discover(settings).catch((error) => {
      found = undefined
      throw explain(error)
    })
    return found
  }
  return {
    async probe() {
      await configuration()
    },
    async begin(signal) {
      try {
        const response = await oidc.initiateDeviceAuthorization(await configuration(), {
          scope: settings.scopes.join(' '),
        })
        signal.throwIfAborted()
        const grant = readGrant(response)
        pollable.set(grant, { ...response, interval: within(response.interval ?? 5, interval) })
        return grant
      } catch (error) {
        throw explain(error)
      }
    },
    async finish(grant, signal) {
      try {
        return await poll(await configuration(), grant, signal)
      } catch (error) {
        throw explain(error)
      }
    },
  }
}

/** The provider's own answer, which carries the interval of polling. */
const pollable = new WeakMap<DeviceGrant, oidc.DeviceAuthorizationResponse>()

async function discover(settings: IssuerSettings): Promise<oidc.Configuration> {
  try {
    return await oidc.discovery(settings.issuer, settings.clientId, {}, clientAuthentication(settings.clientSecret), {
      timeout: answerSeconds,
      [oidc.customFetch]: boundedFetch,
      // Signatures are looked at although the token comes over TLS from its issuer. Plain http is kept to loopback below.
      execute: [oidc.enableNonRepudiationChecks, oidc.allowInsecureRequests],
    })
  } catch (error) {
    // The library makes a URL of the issuer's name in its metadata without looking whether it is one.
    if ((error as { code?: unknown }).code === 'ERR_INVALID_URL')
      throw new GatewayError('ISSUER_INVALID', 'metadata whose issuer is no URL')
    throw error
  }
}

const clientAuthentication = (secret: string | undefined): oidc.ClientAuth =>
  secret === undefined ? oidc.None() : oidc.ClientSecretBasic(secret)

async function poll(
  configuration: oidc.Configuration,
  grant: DeviceGrant,
  signal: AbortSignal,
): Promise<IdTokenClaims> {
  const response = pollable.get(grant)
  if (response === undefined) throw new GatewayError('INTERNAL', 'a grant of another issuer')
  const tokens = await oidc.pollDeviceAuthorizationGrant(configuration, response, undefined, { signal })
  const claims = tokens.claims()
  if (claims === undefined) throw new GatewayError('ISSUER_INVALID', 'no ID token came: is the scope openid asked for?')
  // The library asks for it only beside several audiences; it names whom the token was made for (OpenID Connect Core 2).
  const { azp } = claims
  if (azp !== undefined && azp !== configuration.clientMetadata().client_id)
    throw new GatewayError('ISSUER_INVALID', 'the ID token was made for another client')
  return claims as IdTokenClaims
}

function readGrant(response: oidc.DeviceAuthorizationResponse): DeviceGrant {
  const { device_code, user_code, verification_uri, expires_in } = response
  if (!/^[\x21-\x7e]{1,64}$/.test(user_code))
    throw new GatewayError('ISSUER_INVALID', 'a user code that cannot be shown')
  const uri = /^[\x21-\x7e]{1,400}$/.test(verification_uri) ? URL.parse(verification_uri) : null
  if (uri === null || !isTrustworthy(uri))
    throw new GatewayError('ISSUER_INVALID', 'a verification URI that cannot be shown')
  return {
    deviceCode: device_code,
    userCode: user_code,
    verificationUri: verification_uri,
    expiresInSeconds: Math.round(within(expires_in, expiry)),
  }
}

const within = (seconds: number, { least, most }: { readonly least: number; readonly most: number }): number =>
  Math.min(most, Math.max(least, seconds))

/** fetch, but only to places that can be trusted to be the issuer, and only so many bytes of answer. */
const boundedFetch: oidc.CustomFetch = async (url, options) => {
  if (!isTrustworthy(new URL(url)))
    throw new GatewayError('ISSUER_INVALID', 'an endpoint that is neither https nor loopback')
  try {
    return await receive(url, options as RequestInit)
  } catch (cause) {
    // What the caller has given up is told by its signal's own reason.
    if (cause instanceof GatewayError || options.signal?.aborted === true) throw cause
    throw new GatewayError('ISSUER_UNAVAILABLE', 'no answer', { cause })
  }
}

async function receive(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > answerMost) throw new GatewayError('ISSUER_INVALID', `an answer of more than ${answerMost} bytes`)
    chunks.push(chunk)
  }
  const { status, statusText, headers } = response
  return new Response(length === 0 ? null : Buffer.concat(chunks), { status, statusText, headers })
}

/** Each of the library's errors as one of ours. What else is thrown is a fault of our own, and not the provider's. */
function explain(error: unknown): GatewayError {
  const known = findGatewayError(error)
  if (known !== undefined) return known
  if (error instanceof oidc.ResponseBodyError) {
    if (error.error === 'access_denied') return new GatewayError('SIGN_IN_DENIED', 'refused')
    if (error.error === 'expired_token') return new GatewayError('SIGN_IN_EXPIRED', 'the code has expired')
    const code = error.status >= 500 ? 'ISSUER_UNAVAILABLE' : 'ISSUER_INVALID'
    return new GatewayError(code, `answered ${printable(error.error, 60)}`)
  }
  if (!(error instanceof oidc.ClientError))
    return new GatewayError('INTERNAL', 'a fault of the gateway’s own', { cause: error })
  const unavailable = error.code === 'OAUTH_TIMEOUT' || isServerFault(error)
  return new GatewayError(unavailable ? 'ISSUER_UNAVAILABLE' : 'ISSUER_INVALID', printable(textOf(error), 300))
}

/**
 * The library's own words, and no cause beneath: there stand pieces of what the provider wrote, a token or a text that was
 * to be JSON.
 */
function textOf({ message, cause }: oidc.ClientError): string {
  const named = cause instanceof Error && /^(OperationProcessing|UnsupportedOperation)Error$/.test(cause.name)
  return named && cause.message !== message ? `${message}: ${cause.message}` : message
}

function findGatewayError(error: unknown): GatewayError | undefined {
  if (error instanceof GatewayError) return error
  return error instanceof Error && error.cause !== undefined ? findGatewayError(error.cause) : undefined
}

const isServerFault = (error: oidc.ClientError): boolean => error.cause instanceof Response && error.cause.status >= 500
