import { type Authority, authorityFromKey, authorityInAgent } from './certificate/authority.ts'
import { type CaKey, readCaLine } from './certificate/ca-key.ts'
import type { CaKeyPlace, Config } from './config.ts'
import { readKeyFile, readPublicKeyFile } from './key-file.ts'
import { GatewayError } from './model/errors.ts'
import { fingerprintOf } from './model/fingerprint.ts'
import type { Fingerprint } from './model/units.ts'
import { certifiableKey, publicHalf } from './ssh/server.ts'

/** Of a CA: the key that signs, and those that are to be trusted besides. */
export interface CaKeys {
  readonly authority: Authority
  readonly alsoTrusted: readonly CaKey[]
}
export interface Keys extends CaKeys {
  /** The texts of private key files. */
  readonly hostKeys: readonly Buffer[]
  /** The host CA, and the wire form of the host key that it certifies; absent: clients know the host key itself. */
  readonly host?: CaKeys & { readonly key: Buffer }
}

/** The keys that the configuration names. Throws KEY_FILE, also for one that serves two ends. */
export function loadKeys({ gateway, ca }: Config): Keys {
  const user = loadCa(ca.key, ca.alsoTrusted)
  const hostCa = ca.hostKey === undefined ? undefined : loadCa(ca.hostKey, ca.hostAlsoTrusted)
  const signers = { 'the user CA': fingerprints(user), 'the host CA': fingerprints(hostCa) }
  if (signers['the host CA'].some((fingerprint) => signers['the user CA'].includes(fingerprint)))
    throw new GatewayError('KEY_FILE', 'one key is both the user CA and the host CA: they must be two')
  const hostKeys = gateway.hostKeys.map((path) => readHostKey(path, signers))
  if (hostCa === undefined) return { ...user, hostKeys }
  const key = certifiableKey(hostKeys)
  if (key === undefined)
    throw new GatewayError('KEY_FILE', 'ca.host_key certifies an Ed25519 host key: gateway.host_keys has none')
  return { ...user, hostKeys, host: { ...hostCa, key } }
}

function loadCa(place: CaKeyPlace, alsoTrusted: readonly string[]): CaKeys {
  const authority =
    'file' in place ? authorityFromKey(readKeyFile(place.file)) : authorityInAgent(place.agent, place.fingerprint)
  return { authority, alsoTrusted: alsoTrusted.map((path) => readCaLine(readPublicKeyFile(path))) }
}

const fingerprints = (keys: CaKeys | undefined): readonly Fingerprint[] =>
  keys === undefined ? [] : [keys.authority, ...keys.alsoTrusted].map(({ fingerprint }) => fingerprint)

/** A copy of a key under another name is the same key. */
function readHostKey(path: string, signers: Readonly<Record<string, readonly Fingerprint[]>>): Buffer {
  const key = Buffer.from(readKeyFile(path))
  const fingerprint = publicHalfOf(path, key)
  const [signer] = Object.entries(signers).find(([, known]) => known.includes(fingerprint)) ?? []
  if (signer !== undefined)
    throw new GatewayError('KEY_FILE', `${path} is both a host key and ${signer}: they must be two`)
  return key
}

function publicHalfOf(path: string, key: Buffer): Fingerprint {
  try {
    return fingerprintOf(publicHalf(key))
  } catch (cause) {
    throw new GatewayError('KEY_FILE', `${path}: ${(cause as Error).message}`, { cause })
  }
}
