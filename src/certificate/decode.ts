import type { Certificate } from '../model/certificate.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { Shared } from '../model/shared.ts'
import { parsePrincipal } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import type { CaKey } from './ca-key.ts'
import { type Fields, plainType, readFields } from './fields.ts'
import { mustGoTogether, readCriticalOptions, readExtensions } from './options.ts'

/**
 * Reads an Ed25519 user certificate signed by the key `authority`, and checks every field. Throws CERTIFICATE_SIGNATURE,
 * CERTIFICATE_MALFORMED, or the code of the field that is wrong.
 */
export function decode(signed: Buffer, authority: CaKey): Certificate {
  const { subjectKey, serial, keyId, principals, validAfter, validBefore, ...options } = readFields(
    signed,
    'user',
    authority,
  )
  const [first, ...rest] = principals
  return {
    serial,
    keyId,
    principals: [parsePrincipal(first), ...rest.map(parsePrincipal)],
    validAfter,
    validBefore,
    ...readOptions(options),
    subject: fingerprintOf(wire(plainType, subjectKey)),
    signed,
  }
}

type Options = Pick<Certificate, 'forceCommand' | 'sourceAddress' | 'permissions' | 'criticalOptions' | 'extensions'>

/** By what is written: most certificates that a policy grants say the same. */
const readings = new Shared<Options>(256)

function readOptions(written: Pick<Fields, 'criticalOptions' | 'extensions'>): Options {
  return readings.of(JSON.stringify(written), () => {
    const { criticalOptions, restrictions } = readCriticalOptions(written.criticalOptions)
    const read = readExtensions(written.extensions)
    mustGoTogether(read.extensions, criticalOptions)
    return { ...restrictions, ...read, criticalOptions }
  })
}
