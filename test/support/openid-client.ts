import * as oidc from 'openid-client'
import type { Issuer } from '../../demo/issuer.ts'

const scope = 'openid email profile groups'

interface ClientOptions {
  readonly secret?: string
  /** Seconds that one answer may take. */
  readonly timeout?: number
  readonly fetch?: oidc.CustomFetch
}

/** openid-client with the checks that the gateway turns on. */
export function aClient(
  issuer: Issuer,
  { secret = issuer.clientSecret, timeout = 60, fetch: fetched }: ClientOptions = {},
) {
  return oidc.discovery(new URL(issuer.url), issuer.clientId, {}, oidc.ClientSecretBasic(secret), {
    timeout,
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    ...(fetched === undefined ? {} : { [oidc.customFetch]: fetched }),
  })
}

export const begin = (client: oidc.Configuration) => oidc.initiateDeviceAuthorization(client, { scope })
export const finish = (client: oidc.Configuration, grant: oidc.DeviceAuthorizationResponse) =>
  oidc.pollDeviceAuthorizationGrant(client, grant, undefined, { signal: AbortSignal.timeout(60_000) })
