import { randomBytes } from 'node:crypto'
import { type Address, type Cidr, cidrCovers, hostCidr } from '../model/address.ts'
import type { Certificate, CertificateRequest, CriticalOptions } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { type Login, parsePrincipal, type UnixSeconds } from '../model/units.ts'
import type { Authority } from './authority.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'
import { mustGoTogether, readCriticalOptions, readExtensions } from './options.ts'

/** Where a certificate may be used from when the policy does not say: the gateway's own address, anywhere, or CIDRs. */
export type SourceAddressRule = 'auto' | 'off' | readonly Cidr[]

/** What the gateway adds to what the policy said. */
export interface Occasion {
  readonly now: UnixSeconds
  readonly decisionId: string
  readonly username: string
  readonly login: Login
  /** Whether a principal must be the login itself, or a role that the host maps to accounts. */
  readonly principals: 'login' | 'roles'
  /** Of the key pair made for this one connection, in its wire form. */
  readonly subjectKey: Buffer
  /** As the target sees the gateway. */
  readonly localAddress: Address
}

export interface Limits {
  /** Seconds. */
  readonly maxTtl: number
  readonly sourceAddress: SourceAddressRule
}

/** Seconds by which a target's clock may be behind ours. */
const backdate = 60

/**
 * Checks, completes, encodes and signs, then reads the signed bytes back and verifies them: what comes out is what is
 * written, not what was meant. Throws the code of what may not be signed; nothing is clamped silently.
 */
export async function issue(
  request: CertificateRequest,
  occasion: Occasion,
  limits: Limits,
  authority: Authority,
): Promise<Certificate> {
  const principals = request.principals.map(parsePrincipal)
  if (occasion.principals === 'login' && !request.principals.includes(occasion.login))
    throw new GatewayError('CERTIFICATE_LOGIN', `the principals do not hold ${occasion.login}`)
  if (request.ttl > limits.maxTtl)
    throw new GatewayError(
      'CERTIFICATE_TTL',
      `${request.ttl} seconds are more than certificate.max_ttl, ${limits.maxTtl}`,
    )
  const { extensions } = readExtensions(request.extensions ?? {})
  const criticalOptions = withSourceAddress(request.critical_options ?? {}, occasion.localAddress, limits.sourceAddress)
  mustGoTogether(extensions, criticalOptions)
  const content = {
    subjectKey: occasion.subjectKey,
    serial: randomBytes(8).readBigUInt64BE(),
    keyId: keyId(request.key_id ?? occasion.username, occasion.decisionId),
    principals,
    validAfter: (occasion.now - backdate) as UnixSeconds,
    validBefore: (occasion.now + request.ttl) as UnixSeconds,
    criticalOptions,
    extensions,
  }
  return decode(await encode(content, authority), await authority.publicKey())
}

/** The person first, so that the target's log names them; what could end the name early is made `_`. */
export const keyId = (name: string, decisionId: string): string =>
  `${name.replace(/[^A-Za-z0-9._@+-]/g, '_').slice(0, 64)}/${decisionId}`

function withSourceAddress(written: CriticalOptions, own: Address, rule: SourceAddressRule): CriticalOptions {
  const { criticalOptions, restrictions } = readCriticalOptions(written)
  // Behind a NAT the target sees one of the configured networks, not the address of the gateway's interface.
  const origins: readonly Cidr[] = typeof rule === 'string' ? [hostCidr(own)] : rule
  if (restrictions.sourceAddress === undefined)
    return rule === 'off' ? criticalOptions : { ...criticalOptions, 'source-address': [...origins] }
  const covered = origins.every((origin) => restrictions.sourceAddress?.some((cidr) => cidrCovers(cidr, origin)))
  if (!covered)
    throw new GatewayError(
      'CERTIFICATE_SOURCE_ADDRESS',
      `source-address leaves out the gateway (${origins.join(', ')})`,
    )
  return criticalOptions
}
