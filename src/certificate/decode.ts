import type { Certificate } from '../model/certificate.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { parsePrincipal } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import type { CaKey } from './ca-key.ts'
import { plainType, readFields } from './fields.ts'
import { mustGoTogether, readCriticalOptions, readExtensions } from './options.ts'

/**
 * Reads an Ed25519 user certificate signed by the key `authority`, and checks every field. Throws CERTIFICATE_SIGNATURE,
 * CERTIFICATE_MALFORMED, or the code of the field that is wrong.
 */
export function decode(signed: Buffer, authority: CaKey): Certificate {
  const {
    subjectKey,
    principals,
    criticalOptions: critical,
    extensions,
    ...fields
  } = readFields(signed, 'user', authority)
  const [first, ...rest] = principals
  const { criticalOptions, restrictions } = readCriticalOptions(critical)
  const read = readExtensions(extensions)
  mustGoTogether(read.extensions, criticalOptions)
  return {
    ...fields,
    principals: [parsePrincipal(first), ...rest.map(parsePrincipal)],
    ...restrictions,
    ...read,
    criticalOptions,
    subject: fingerprintOf(wire(plainType, subjectKey)),
    signed,
  }
}
