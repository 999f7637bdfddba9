import {
  createHash,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'

/** The name of the key exchange (draft-ietf-sshm-mlkem-hybrid-kex section 2.3.2); what OpenSSH 10 prefers. */
export const hybridKex = 'mlkem768x25519-sha256'

/** FIPS 203 section 8, and RFC 7748 section 5; in bytes. */
const kemKeyBytes = 1184
const kemAnswerBytes = 1088
const curveBytes = 32

/** The fixed part of a SubjectPublicKeyInfo, before the key itself. */
const spkiOf = {
  kem: Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex'),
  curve: Buffer.from('302a300506032b656e032100', 'hex'),
} as const

/** One side of one exchange. The other's public value has been checked when there is a secret. */
export interface HybridSide {
  /** What is sent: C_INIT of a client, S_REPLY of a server, which has one only after `secret`. */
  publicValue(): Buffer
  /** K, the hash of both secrets. Throws for a value of another length, and for a key that is none. */
  secret(other: Buffer): Buffer
}

export const hybridSide = (isServer: boolean): HybridSide => (isServer ? new HybridServer() : new HybridClient())

class HybridClient implements HybridSide {
  readonly #kem = generateKeyPairSync('ml-kem-768')
  readonly #curve = generateKeyPairSync('x25519')

  publicValue(): Buffer {
    return Buffer.concat([rawKey(this.#kem.publicKey, spkiOf.kem), rawKey(this.#curve.publicKey, spkiOf.curve)])
  }

  secret(other: Buffer): Buffer {
    const [answer, point] = split(other, kemAnswerBytes)
    return combine(decapsulate(this.#kem.privateKey, answer), agree(this.#curve.privateKey, point))
  }
}

class HybridServer implements HybridSide {
  readonly #curve = generateKeyPairSync('x25519')
  #answer: Buffer | undefined

  publicValue(): Buffer {
    if (this.#answer === undefined) throw new Error('no answer before the question')
    return Buffer.concat([this.#answer, rawKey(this.#curve.publicKey, spkiOf.curve)])
  }

  secret(other: Buffer): Buffer {
    const [key, point] = split(other, kemKeyBytes)
    const { sharedKey, ciphertext } = encapsulate(keyOf(key, spkiOf.kem))
    this.#answer = ciphertext
    return combine(sharedKey, agree(this.#curve.privateKey, point))
  }
}

function split(value: Buffer, kemBytes: number): [kem: Buffer, point: Buffer] {
  if (value.length !== kemBytes + curveBytes)
    throw new Error(`a hybrid value of ${value.length} bytes, not ${kemBytes + curveBytes}`)
  return [value.subarray(0, kemBytes), value.subarray(kemBytes)]
}

/** OpenSSL refuses a point that makes the secret all zero (RFC 7748 section 6.1). */
const agree = (privateKey: KeyObject, point: Buffer): Buffer =>
  diffieHellman({ privateKey, publicKey: keyOf(point, spkiOf.curve) })

/** K is a string of these bytes; the classic exchanges have a number there. */
const combine = (kemSecret: Buffer, curveSecret: Buffer): Buffer =>
  createHash('sha256').update(kemSecret).update(curveSecret).digest()

const keyOf = (raw: Buffer, spki: Buffer): KeyObject =>
  createPublicKey({ key: Buffer.concat([spki, raw]), type: 'spki', format: 'der' })

const rawKey = (key: KeyObject, spki: Buffer): Buffer =>
  key.export({ type: 'spki', format: 'der' }).subarray(spki.length)
