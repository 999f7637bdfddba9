import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import sshpk from 'sshpk'
import { GatewayError } from '../model/errors.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import type { Fingerprint } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import { listKeys, signWith } from './agent.ts'
import { type CaKey, readCaKey } from './ca-key.ts'

/** The key that hosts name in `TrustedUserCAKeys`, wherever its private part is. */
export interface Authority {
  readonly fingerprint: Fingerprint
  /** Rejects with SIGNER_UNAVAILABLE while the key was never seen. */
  publicKey(): Promise<CaKey>
  /** The signature in wire form: algorithm, then its bytes (RFC 4253 section 6.6). Throws SIGNER_UNAVAILABLE, CERTIFICATE_SIGNER. */
  sign(data: Buffer): Promise<Buffer>
  /** Resolves when it could sign now; rejects with what is in the way. */
  probe(): Promise<void>
}

/** From the text of an unencrypted OpenSSH or PEM private key. A file holds an Ed25519 key; others live in an agent. */
export function authorityFromKey(text: string): Authority {
  const { privateKey, publicKey } = readEd25519(text)
  return {
    fingerprint: publicKey.fingerprint,
    publicKey: async () => publicKey,
    sign: async (data) => wire(publicKey.algorithm, sign(null, data, privateKey)),
    probe: async () => {},
  }
}

/** Milliseconds that an agent has for an answer, the wait for its turn included. */
const patience = 5_000

/**
 * A key in an ssh-agent, known by its fingerprint alone: an Ed25519, ECDSA or RSA key (the latter with rsa-sha2-512). The
 * agent may come later than the gateway, go, and come back.
 */
export function authorityInAgent(path: string, fingerprint: Fingerprint, wait = patience): Authority {
  const inTurn = oneByOne(wait)
  let seen: CaKey | undefined
  let probing: Promise<void> | undefined

  const find = (): Promise<CaKey> =>
    inTurn(async (signal) => {
      const keys = await listKeys(path, signal)
      const blob = keys.find((key) => fingerprintOf(key) === fingerprint)
      if (blob === undefined) throw new GatewayError('SIGNER_UNAVAILABLE', `the agent does not hold ${fingerprint}`)
      seen = readCaKey(Buffer.from(blob)) // the rest of the agent's answer may go
      return seen
    })
  const publicKey = async (): Promise<CaKey> => seen ?? find()
  return {
    fingerprint,
    publicKey,
    async sign(data) {
      const { blob } = await publicKey()
      return inTurn((signal) => signWith(path, blob, data, signal))
    },
    // Anybody may ask for readiness: however many ask, the agent is asked once at a time.
    probe() {
      probing ??= find()
        .then(() => {})
        .finally(() => (probing = undefined))
      return probing
    },
  }
}

/** An ssh-agent serves one at a time, and its queue is short: more connections at once would be refused. */
function oneByOne(wait: number) {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(wait)
    const mine = last.then(() => ask(signal))
    last = mine.catch(() => {})
    return mine
  }
}

/** sshpk reads the file's format; node holds the key, since sshpk's own Ed25519 is slow and its export does not load. */
function readEd25519(text: string): { privateKey: KeyObject; publicKey: CaKey } {
  const key = parse(text)
  if (key.type !== 'ed25519')
    throw new GatewayError(
      'KEY_FILE',
      `a user CA in a file must be an Ed25519 key, not ${key.type} (ssh-keygen -t ed25519); an agent may hold others`,
    )
  const part = (key as unknown as { part: Record<'k' | 'A', { data: Buffer }> }).part
  const seed = lastBytes(part.k.data, 32)
  const point = lastBytes(part.A.data, 32)
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: point.toString('base64url') }
  return { privateKey: createPrivateKey({ key: jwk, format: 'jwk' }), publicKey: readCaKey(wire('ssh-ed25519', point)) }
}

function parse(text: string): sshpk.PrivateKey {
  try {
    return sshpk.parsePrivateKey(text, 'auto')
  } catch (cause) {
    const encrypted = (cause as Error).name === 'KeyEncryptedError'
    throw new GatewayError(
      'KEY_FILE',
      encrypted ? 'the key is encrypted; the gateway has no passphrase' : 'not a private key',
      { cause },
    )
  }
}

const lastBytes = (data: Buffer, length: number): Buffer => Buffer.from(data.subarray(data.length - length))
