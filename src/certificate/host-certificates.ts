import { randomBytes } from 'node:crypto'
import type { GatewayError } from '../model/errors.ts'
import { asGatewayError } from '../model/errors.ts'
import { type Clock, type HostName, parseHostName, type UnixSeconds } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import type { Authority } from './authority.ts'
import type { CaKey } from './ca-key.ts'
import { encode } from './encode.ts'
import { expect, type Fields, plainType, readFields } from './fields.ts'

/** Seconds that a host certificate counts, from which on another takes its place, and by which a client's clock may be behind. */
const lifetime = 24 * 3_600
const renewedAfter = lifetime / 2
const backdate = 3_600
/** Seconds after which a signer that failed is asked again. */
const retryAfter = 10
/** Lists of names whose certificates are kept: who may ask for names asks for as many as they like. */
const keptMost = 256

export interface HostCertificateParts {
  readonly authority: Authority
  /** Of the gateway's own Ed25519 host key, in its wire form. */
  readonly hostKey: Buffer
  /** `gateway.name`, for the key id. */
  readonly gateway: string
  readonly clock: Clock
  /** Once for each attempt that failed. */
  readonly failed: (fault: GatewayError) => void
}

interface Kept {
  readonly validBefore: UnixSeconds
  readonly renewAt: UnixSeconds
  readonly signed: Buffer
}

/**
 * What tells clients that the gateway's own host key is that of a name, so that they need to know the host CA alone
 * (PROTOCOL.certkeys). Made as they are asked for, each for its names only: one for all routes would tell their names to
 * whoever connects.
 */
export class HostCertificates {
  readonly #parts: HostCertificateParts
  readonly #kept = new Map<string, Kept>()
  readonly #asked = new Map<string, Promise<void>>()
  #silentUntil = 0

  constructor(parts: HostCertificateParts) {
    this.#parts = parts
  }

  /** The bytes of a valid certificate for these names; undefined while none can be signed: the plain key serves then. */
  async of(names: readonly [HostName, ...HostName[]]): Promise<Buffer | undefined> {
    const key = names.join(',')
    const now = this.#parts.clock()
    const kept = this.#kept.get(key)
    if (kept === undefined || now >= kept.renewAt) {
      const renewed = this.#renew(key, names, now)
      // One that still counts keeps nobody waiting.
      if (kept === undefined || now >= kept.validBefore) await renewed
    }
    const latest = this.#kept.get(key)
    return latest !== undefined && this.#parts.clock() < latest.validBefore ? latest.signed : undefined
  }

  #renew(key: string, names: readonly [HostName, ...HostName[]], now: UnixSeconds): Promise<void> {
    const under = this.#asked.get(key)
    if (under !== undefined) return under
    if (now < this.#silentUntil) return Promise.resolve()
    const asked = issueHostCertificate(names, now, this.#parts)
      .then((kept) => this.#keep(key, kept))
      .catch((thrown: unknown) => {
        this.#silentUntil = now + retryAfter
        this.#parts.failed(asGatewayError(thrown, 'CERTIFICATE_SIGNER', 'no host certificate'))
      })
      .finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked
  }

  /** The one that was asked for first goes first. */
  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > keptMost && oldest !== undefined) this.#kept.delete(oldest)
  }
}

/** Signed, read back from the signed bytes, and verified. */
async function issueHostCertificate(
  names: readonly [HostName, ...HostName[]],
  now: UnixSeconds,
  { authority, hostKey, gateway }: HostCertificateParts,
): Promise<Kept> {
  const content = {
    kind: 'host' as const,
    subjectKey: hostKey,
    serial: randomBytes(8).readBigUInt64BE(),
    keyId: `regate ${gateway}`,
    principals: names,
    validAfter: (now - backdate) as UnixSeconds,
    validBefore: (now + lifetime) as UnixSeconds,
    criticalOptions: {},
    extensions: {},
  }
  const signed = await encode(content, authority)
  const { validBefore, principals, subject } = decodeHost(signed, await authority.publicKey())
  expect(subject.equals(hostKey) && principals.join(',') === names.join(','), 'not what was meant')
  return { signed, validBefore, renewAt: (now + renewedAfter) as UnixSeconds }
}

/** A host certificate: its names, and until when. */
export interface HostCertificate extends Pick<Fields, 'serial' | 'keyId' | 'validAfter' | 'validBefore'> {
  readonly principals: readonly HostName[]
  /** Wire form. */
  readonly subject: Buffer
}

/** Throws as `readFields`; no option is known that a host certificate may have. */
export function decodeHost(signed: Buffer, authority: CaKey): HostCertificate {
  const { principals, criticalOptions, extensions, subjectKey, ...fields } = readFields(signed, 'host', authority)
  expect(Object.keys({ ...criticalOptions, ...extensions }).length === 0, 'a host certificate with options')
  const { serial, keyId, validAfter, validBefore } = fields
  const subject = wire(plainType, subjectKey)
  return { serial, keyId, validAfter, validBefore, principals: principals.map(parseHostName), subject }
}
