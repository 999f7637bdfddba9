import { EventEmitter, once } from 'node:events'
import type { AuthContext, Connection, KeyboardAuthContext, PublicKeyAuthContext, ServerConfig } from 'ssh2'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { type KeyExchangeRule, serverAlgorithms, softwareVersion } from './algorithms.ts'
import type { RekeyLimits } from './key-renewal.ts'
import { Leg } from './leg.ts'
import { certifiable, certified, certifiedType, offeredAsCertified } from './own-certificate.ts'
import { type Insides, Server, utils, type Wire } from './ssh2.ts'
import { type Ears, type Estate, earsOf, type Ssh2Error } from './take-over.ts'
import { type ProvenKey, proveKey, readUserKey, type UserKey } from './user-key.ts'

export type { Wire }
export type Method = 'publickey' | 'keyboard-interactive'

/** A client whose identification line was read. What it says of itself is made printable. */
export interface Client {
  readonly leg: Leg
  /** RFC 4253 section 4.2: `SSH-2.0-OpenSSH_9.2p1 …`. */
  readonly version: string
  /** The name of the key exchange that was agreed on; resolves after the first. */
  readonly kex: Promise<string>
  /** The attempts to authenticate (RFC 4252), one after the other, until the client is let in or gone. */
  attempts(): AsyncIterable<Attempt>
}

/** One USERAUTH_REQUEST. Each wants exactly one answer. */
export type Attempt = {
  /** As the client wrote it, before any grammar. */
  readonly username: string
  /** USERAUTH_FAILURE: what can go on. With `partial`, this step was done and the next one is due. */
  refuse(methods: readonly Method[], partial?: boolean): void
} & (
  | { readonly method: 'none' | 'other' }
  | {
      readonly method: 'publickey'
      /** Throws KEY_UNSUPPORTED for a key that is not taken. */
      key(rsaBitsLeast: number): UserKey
      /** An offer says what key there is; a proof is signed over this very session, and `prove` looks. */
      readonly proof: boolean
      /** USERAUTH_PK_OK to an offer. */
      sign(): void
      prove(key: UserKey): ProvenKey | undefined
      accept(): void
    }
  | {
      readonly method: 'keyboard-interactive'
      /** Aborted when the client gives this attempt up. */
      readonly signal: AbortSignal
      /** USERAUTH_INFO_REQUEST without prompts (RFC 4256): shown at once, and answered without anybody pressing a key. */
      tell(text: string): Promise<void>
      accept(): void
    }
)

/** Takes TCP sockets, or channels, and makes SSH clients of them; the listener and its limits are the caller's. */
export interface SshServer {
  /**
   * The identification line may take as long as the caller lets the socket live. A client that takes host certificates is
   * shown `certificate`, over the Ed25519 host key, at each key exchange of the connection.
   */
  handshake(socket: Wire, certificate?: Buffer): Promise<Client>
}

/** The wire form of the public half of a private key file's text. Throws KEY_FILE when ssh2 cannot serve with it. */
export function publicHalf(privateKey: Buffer): Buffer {
  const parsed = utils.parseKey(privateKey)
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) return parsed.getPublicSSH()
  throw new GatewayError('KEY_FILE', 'not a private key without a passphrase')
}

export interface ServerSettings {
  /** Private keys, one of a kind. */
  readonly hostKeys: readonly Buffer[]
  readonly keyExchange: KeyExchangeRule
  /** As they are when a client comes. */
  readonly limits: () => RekeyLimits
}

/** The wire form of the host key that is shown by a certificate when there is one: the first that is an Ed25519 key. */
export const certifiableKey = (hostKeys: readonly Buffer[]): Buffer | undefined => certifiable(hostKeys)?.getPublicSSH()

export function createSshServer({ hostKeys, keyExchange, limits }: ServerSettings): SshServer {
  const greeted = new WeakMap<Wire, (connection: Connection, identification: string) => void>()
  const serve = (keys: ServerConfig['hostKeys']): Injected =>
    new Server(
      { hostKeys: keys, ident: softwareVersion, algorithms: serverAlgorithms(keyExchange) },
      (connection, info) => greeted.get(insidesOf(connection)._sock)?.(connection, info.header.identRaw),
    ) as unknown as Injected
  const plain = serve([...hostKeys])
  const key = certifiable(hostKeys)
  // What ssh2 offers is one list for all connections of a server.
  const withCertificate = key && serve([{ key: offeredAsCertified(key) }, ...hostKeys])
  return {
    handshake(socket, certificate) {
      const { promise, resolve, reject } = Promise.withResolvers<Client>()
      const gone = (): void => reject(new GatewayError('CLIENT_LEFT', 'left before its identification line'))
      greeted.set(socket, (connection, identification) => {
        greeted.delete(socket)
        socket.off('close', gone)
        const insides = insidesOf(connection)
        const { _protocol: protocol } = insides
        if (key !== undefined && certificate !== undefined)
          protocol._hostKeys = { ...protocol._hostKeys, [certifiedType]: certified(key, certificate) }
        resolve(asClient(connection, insides, ears, identification, limits()))
      })
      socket.once('close', gone)
      const server = certificate === undefined ? plain : (withCertificate ?? plain)
      const ears = earsOf(socket, () => server.injectSocket(socket))
      return promise
    },
  }
}

interface Injected {
  injectSocket(socket: Wire): void
}
const insidesOf = (connection: Connection): Insides => connection as unknown as Insides

function asClient(
  connection: Connection,
  insides: Insides,
  ears: Ears,
  identification: string,
  limits: RekeyLimits,
): Client {
  const leg = new Leg(insides, 'client', limits)
  const kex = Promise.withResolvers<string>()
  kex.promise.catch(() => {})
  const gone = (): void => kex.reject(leg.signal.reason)
  leg.signal.addEventListener('abort', gone)
  // Without a listener for `error` ssh2 would take the process down.
  connection.on('error', (cause) => leg.cut(faultOf(cause)))
  connection.on('handshake', () => {
    leg.exchanged()
    kex.resolve(insides._protocol._kex?.negotiated.kex ?? '')
    leg.signal.removeEventListener('abort', gone)
  })
  // Heard from the start: ssh2 refuses by itself what nobody listens to.
  const arrived: Attempt[] = []
  const arrivals = new EventEmitter()
  connection.on('authentication', (context) => {
    // ssh2 answers the oldest request it knows of, also when the client has given that one up (RFC 4252 section 5.1).
    insides._protocol._authsQueue.splice(0, Number.POSITIVE_INFINITY, context.method)
    arrived.push(asAttempt(context, leg, { ears, explain: faultOf }))
    arrivals.emit('attempt')
  })
  return {
    leg,
    version: printable(identification.trim(), 255),
    kex: kex.promise,
    attempts: () => sequence(arrived, arrivals, leg.signal),
  }
}

/** A number is the reason of the client's own DISCONNECT. */
function faultOf(cause: Ssh2Error): GatewayError {
  const isLeaving = typeof cause.code === 'number' || cause.level === 'socket'
  const isForeign = cause.level === 'handshake' && /^Handshake failed: no matching /.test(cause.message)
  const code = isLeaving ? 'CLIENT_LEFT' : isForeign ? 'NO_COMMON_ALGORITHM' : 'PROTOCOL_ERROR'
  return new GatewayError(code, printable(cause.message, 200), { cause })
}

/** ssh2 hands the attempts over one by one, the next when the last is answered or given up. */
async function* sequence(arrived: Attempt[], arrivals: EventEmitter, signal: AbortSignal): AsyncGenerator<Attempt> {
  while (!signal.aborted) {
    const next = arrived.shift()
    if (next !== undefined) yield next
    else await once(arrivals, 'attempt', { signal }).catch(() => {})
  }
}

function asAttempt(context: AuthContext, leg: Leg, estate: Estate): Attempt {
  const refuse = (methods: readonly Method[], partial = false): void => {
    if (!leg.signal.aborted) context.reject([...methods], partial)
  }
  // ssh2 would let a client in that has gone already.
  const accept = (): void => {
    if (leg.signal.aborted) return
    leg.authenticated()
    context.accept()
    leg.inherit(estate)
  }
  const common = { username: context.username, refuse }
  if (context.method === 'publickey') return { ...common, ...publicKeyAttempt(context, accept) }
  if (context.method === 'keyboard-interactive') return { ...common, ...keyboardAttempt(context, leg, accept) }
  return { ...common, method: context.method === 'none' ? 'none' : 'other' }
}

function publicKeyAttempt(context: PublicKeyAuthContext, accept: () => void) {
  const { key, signature, blob } = context
  const hash = context.hashAlgo as string | undefined
  return {
    method: 'publickey' as const,
    proof: signature !== undefined,
    key: (rsaBitsLeast: number) => readUserKey(key.algo, hash, key.data, rsaBitsLeast),
    sign: () => context.accept(),
    prove: (read: UserKey) =>
      signature === undefined || blob === undefined ? undefined : proveKey(read, blob, signature, hash),
    accept,
  }
}

function keyboardAttempt(context: KeyboardAuthContext, leg: Leg, accept: () => void) {
  const given = new AbortController()
  context.on('abort', () => given.abort(new GatewayError('CLIENT_LEFT', 'gave the sign-in up')))
  const signal = AbortSignal.any([given.signal, leg.signal])
  return {
    method: 'keyboard-interactive' as const,
    signal,
    accept,
    tell: (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        context.prompt([], '', text, () => resolve())
      }),
  }
}
