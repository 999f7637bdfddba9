import { GatewayError } from './errors.ts'
import { printable } from './text.ts'

/** Whole seconds since 1970-01-01T00:00:00Z. Milliseconds and `Date` stay outside. */
export type UnixSeconds = number & { readonly unit: 'unix-seconds' }
/** A length of time in whole milliseconds. */
export type Milliseconds = number & { readonly unit: 'milliseconds' }
/** A name that may stand in a certificate. */
export type Principal = string & { readonly kind: 'principal' }
/** A name by which clients know a host: of a route, or of the gateway itself. */
export type HostName = string & { readonly kind: 'host-name' }
/** An account on the target, as the client asked for it. */
export type Login = string & { readonly kind: 'login' }
/** `SHA256:` and the unpadded base64 of a public key's SHA-256, as OpenSSH writes it. */
export type Fingerprint = string & { readonly kind: 'fingerprint' }

/** Reads the clock. Given to whatever must know the time, so that a test can be any time. */
export type Clock = () => UnixSeconds

export const unixSeconds = (seconds: number): UnixSeconds => Math.floor(seconds) as UnixSeconds
export const systemClock: Clock = () => unixSeconds(Date.now() / 1000)

/** Stricter than OpenSSH: no comma (CVE-2026-35414), no wildcard, no blank, and no empty name. */
export function parsePrincipal(text: string): Principal {
  if (/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(text)) return text as Principal
  throw new GatewayError('CERTIFICATE_PRINCIPAL', `not a principal: "${printable(text, 80)}"`)
}

/** In lower case, as OpenSSH has it when it looks for the name in a host certificate (sshconnect.c); an address is a name too. */
export function parseHostName(text: string): HostName {
  if (/^[a-z0-9:][a-z0-9.:_-]{0,252}$/.test(text)) return text as HostName
  throw new GatewayError('CERTIFICATE_PRINCIPAL', `not the name of a host: "${printable(text, 80)}"`)
}

const perUnit: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `50ms`, `5s`, `10m`, `8h`, `1d` in milliseconds; undefined for anything else, a bare number included. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  const scale = match?.[2] === undefined ? undefined : perUnit[match[2]]
  return scale === undefined ? undefined : ((Number(match?.[1]) * scale) as Milliseconds)
}
