import { readCriticalOptions, readExtensions } from '../../src/certificate/options.ts'
import type { Certificate, CriticalOptions, Extensions } from '../../src/model/certificate.ts'
import type { Fingerprint, Principal, UnixSeconds } from '../../src/model/units.ts'

/** What a test changes of an otherwise blank certificate, in the words of Rego. */
export interface Change {
  readonly extensions?: Extensions
  readonly criticalOptions?: CriticalOptions
}

export const at = (seconds: number): UnixSeconds => seconds as UnixSeconds

/** A valid certificate from 1000 to 2000 that opens nothing. */
export function aCertificate({ extensions = {}, criticalOptions = {} }: Change = {}): Certificate {
  return {
    serial: 1n,
    keyId: 'alice/0',
    principals: ['postgres' as Principal],
    validAfter: at(1000),
    validBefore: at(2000),
    ...readCriticalOptions(criticalOptions).restrictions,
    criticalOptions,
    extensions,
    permissions: readExtensions(extensions).permissions,
    subject: 'SHA256:x' as Fingerprint,
    signed: Buffer.alloc(0),
  }
}
