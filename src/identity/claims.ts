import type { Address } from '../model/address.ts'
import type { PolicyIdentity } from '../model/context.ts'
import { GatewayError } from '../model/errors.ts'
import { isPrintable, printableJson } from '../model/text.ts'
import type { UnixSeconds } from '../model/units.ts'
import type { IdTokenClaims } from './issuer.ts'

export interface ClaimSettings {
  /** The first that is there names the person. */
  readonly usernameClaims: readonly string[]
  readonly groupsClaim: string
}

/** When, how and from where the sign-in was. */
export interface SignIn {
  readonly at: UnixSeconds
  readonly expiresAt: UnixSeconds
  readonly flow: 'device'
  readonly sshSourceIp: Address
}

const usernameMost = 128
const groupsMost = 1_000
const groupMost = 256
const claimsMost = 65_536
/** Seconds by which clocks may differ, and that a token may have been under way. */
const skew = 60
const oldest = 900

/** From the claims of a verified ID token to `input.identity`. Throws CLAIMS_INVALID when they name nobody. */
export function identityOf(claims: IdTokenClaims, signIn: SignIn, settings: ClaimSettings): PolicyIdentity {
  if (JSON.stringify(claims).length > claimsMost) throw invalid('more claims than are taken')
  checkTimes(claims, signIn.at)
  const { email, email_verified, amr, acr, auth_time } = claims
  return {
    subject: text(claims.sub, 'sub'),
    issuer: text(claims.iss, 'iss'),
    username: username(claims, settings.usernameClaims),
    groups: strings(claims[settings.groupsClaim] ?? [], settings.groupsClaim),
    expires_at: signIn.expiresAt,
    kind: 'person',
    login: { at: signIn.at, flow: signIn.flow, ssh_source_ip: signIn.sshSourceIp },
    claims: withoutNulls(printableJson(claims)) as Record<string, unknown>,
    ...(email === undefined ? {} : { email: text(email, 'email') }),
    ...(typeof email_verified === 'boolean' ? { email_verified } : {}),
    ...(amr === undefined ? {} : { amr: strings(amr, 'amr') }),
    ...(acr === undefined ? {} : { acr: text(acr, 'acr') }),
    ...(auth_time === undefined ? {} : { auth_time: seconds(auth_time, 'auth_time') }),
  }
}

/**
 * A token of long ago, or one of a time to come: the library looks at its end alone. An `auth_time` to come would pass for
 * a fresh sign-in at every question.
 */
function checkTimes({ iat, auth_time }: IdTokenClaims, now: UnixSeconds): void {
  const issued = seconds(iat, 'iat')
  if (issued > now + skew || issued < now - oldest) throw invalid('iat is not of now')
  if (auth_time !== undefined && seconds(auth_time, 'auth_time') > now + skew) throw invalid('auth_time is yet to come')
}

/** Absent, never null: in Rego a null would pass for something that is there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const known = Object.entries(value).filter(([, held]) => held !== null && held !== undefined)
  return Object.fromEntries(known.map(([name, held]) => [name, withoutNulls(held)]))
}

/** An e-mail address that the provider has not verified is no name: anybody could have written it. */
function username(claims: IdTokenClaims, names: readonly string[]): string {
  const usable = names.filter((name) => name !== 'email' || claims.email_verified === true)
  const claim = usable.find((name) => claims[name] !== undefined && claims[name] !== null)
  if (claim === undefined) throw invalid(`none of ${names.join(', ')} is there`)
  return text(claims[claim], claim, usernameMost)
}

function text(value: unknown, name: string, most = 1_024): string {
  if (typeof value === 'string' && value !== '' && value.length <= most && isPrintable(value)) return value
  throw invalid(`${name} is not a text that can be used`)
}

function strings(value: unknown, name: string): string[] {
  const list = typeof value === 'string' ? [value] : value
  if (!Array.isArray(list) || list.length > groupsMost) throw invalid(`${name} is not a list that can be used`)
  return list.map((item) => text(item, name, groupMost))
}

function seconds(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw invalid(`${name} is not a time`)
}

const invalid = (what: string): GatewayError => new GatewayError('CLAIMS_INVALID', what)
