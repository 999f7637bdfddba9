import { connect, type Socket } from 'node:net'
import type { ConnectConfig } from 'ssh2'
import { type Address, parseAddress } from '../model/address.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import type { Milliseconds } from '../model/units.ts'
import { wire } from '../model/wire.ts'
import { clientAlgorithms, type HostKeyAlgorithm, softwareVersion } from './algorithms.ts'
import type { RekeyLimits } from './key-renewal.ts'
import { Leg } from './leg.ts'
import { sharedBytes } from './shared-bytes.ts'
import { Client, type Insides, type Protocol, sendMessage, shareOffer } from './ssh2.ts'
import { type Ears, earsOf, type Ssh2Error } from './take-over.ts'

const MSG_USERAUTH_REQUEST = 50

export interface Destination {
  readonly host: string
  readonly port: number
}
export interface Patience {
  readonly connect: Milliseconds
  /** From the first byte to the end of authentication, and again for the login itself. */
  readonly handshake: Milliseconds
}

/** What proves the gateway to a target: a certificate, and the private key that it certifies. Ed25519 only. */
export interface Credential {
  readonly certificate: Buffer
  sign(data: Buffer): Buffer
}

/** A target that has shown who it is. It has not been told who comes. */
export interface Target {
  /** The address that the target sees. */
  readonly localAddress: Address
  /** Logs in (RFC 4252 section 7); `banner` is what the target would show before that. */
  login(username: string, credential: Credential): Promise<{ readonly leg: Leg; readonly banner: string }>
  /** Ends the connection when there was no login. */
  leave(): void
}

/** TARGET_REFUSED, with what the target would have the person read: its banner, and its last words. */
export class TargetRefusal extends GatewayError {
  readonly said: string
  constructor(message: string, said: string, options: ErrorOptions) {
    super('TARGET_REFUSED', message, options)
    this.said = said
  }
}

const bannerMost = 65_536

/**
 * Connects, exchanges keys and asks `checkHostKey`, at each key exchange anew; the key may not change in between. It answers
 * the plain key that must have signed, and throws when what was shown is not known.
 * Throws TARGET_UNREACHABLE, TARGET_TIMEOUT, TARGET_PROTOCOL, or what `checkHostKey` throws.
 */
export async function reach(
  destination: Destination,
  algorithms: readonly HostKeyAlgorithm[],
  checkHostKey: (shown: Buffer) => Buffer,
  limits: Patience & RekeyLimits,
  signal: AbortSignal,
): Promise<Target> {
  const socket = await open(destination, limits.connect, signal)
  const localAddress = parseAddress(socket.localAddress ?? '')
  if (localAddress === undefined) throw new GatewayError('TARGET_UNREACHABLE', 'the connection broke at once')
  const handshake = new Handshake(socket, algorithms, checkHostKey, limits, signal)
  await handshake.ready(limits.handshake)
  return {
    localAddress,
    login: (username, credential) => handshake.login(username, credential, limits.handshake),
    leave: () => handshake.leg.cut(new GatewayError('TARGET_LEFT', 'not logged in')),
  }
}

async function open({ host, port }: Destination, patience: Milliseconds, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ host, port, noDelay: true })
  const timer = setTimeout(() => fail(new GatewayError('TARGET_TIMEOUT', 'no connection in time')), patience)
  const gone = (): void => fail(signal.reason)
  const broken = (cause: Error): void =>
    fail(new GatewayError('TARGET_UNREACHABLE', printable(cause.message, 200), { cause }))
  function fail(why: unknown): void {
    socket.destroy()
    reject(why)
  }
  signal.addEventListener('abort', gone, { once: true })
  socket.once('error', broken).once('connect', () => resolve(socket))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', gone)
    socket.off('error', broken)
  }
}

/** Asked at each key exchange of a connection, for as long as that lasts. */
class HostKeyCheck {
  readonly #check: (shown: Buffer) => Buffer
  #first: Buffer | undefined
  #fault: unknown

  constructor(check: (shown: Buffer) => Buffer) {
    this.#check = check
  }

  /** What was wrong with the key, which ssh2 would only call denied. */
  get fault(): unknown {
    return this.#fault
  }

  /** The plain key that must have signed. Undefined: the key that was shown is not taken. */
  provingKey(shown: Buffer): Buffer | undefined {
    try {
      if (this.#first !== undefined && !this.#first.equals(shown))
        throw new GatewayError('HOST_KEY_MISMATCH', 'the host key changed while connected')
      const proving = sharedBytes(this.#check(shown))
      this.#first ??= sharedBytes(shown)
      return proving
    } catch (fault) {
      this.#fault = fault
      return undefined
    }
  }
}

/** What an error of a connection means that has logged in. */
function explainLater(cause: Ssh2Error, check: HostKeyCheck): GatewayError {
  if (check.fault !== undefined) return asGatewayError(check.fault, 'TARGET_LEFT', String(check.fault))
  const text = printable(cause.message, 200)
  return new GatewayError(typeof cause.code === 'number' ? 'TARGET_REFUSED' : 'TARGET_PROTOCOL', text, { cause })
}

/** A target is left when the client goes away. */
function leaveWith(signal: AbortSignal, leg: Leg): void {
  const gone = (): void => leg.cut(new GatewayError('CLIENT_LEFT', 'the client went away', { cause: signal.reason }))
  signal.addEventListener('abort', gone)
  leg.signal.addEventListener('abort', () => signal.removeEventListener('abort', gone))
}

/** ssh2's client between the TCP connection and the login: its events become two promises. */
class Handshake {
  readonly leg: Leg
  readonly #protocol: Protocol
  readonly #ready = Promise.withResolvers<void>()
  readonly #loggedIn = Promise.withResolvers<void>()
  #attempt: (next: object | false) => void = () => {}
  #attempted = false
  #banner = ''
  #ears: Ears
  readonly #check: HostKeyCheck
  readonly #left = (): void => this.#fail(this.leg.signal.reason)

  constructor(
    socket: Socket,
    algorithms: readonly HostKeyAlgorithm[],
    checkHostKey: (shown: Buffer) => Buffer,
    limits: RekeyLimits,
    signal: AbortSignal,
  ) {
    for (const { promise } of [this.#ready, this.#loggedIn]) promise.catch(() => {})
    this.#check = new HostKeyCheck(checkHostKey)
    const client = new Client()
    client
      .on('error', (cause: Ssh2Error) => this.#fail(this.#explain(cause)))
      .on('close', () => this.#fail(new GatewayError('TARGET_LEFT', 'the target ended the connection')))
      .on('banner', (text) => (this.#banner = (this.#banner + text).slice(0, bannerMost)))
      .on('ready', () => {
        this.leg.authenticated()
        this.#loggedIn.resolve()
      })
    const config: ConnectConfig = {
      sock: socket,
      username: 'unused',
      ident: softwareVersion,
      readyTimeout: 0,
      strictVendor: false,
      algorithms: clientAlgorithms(algorithms),
      hostVerifier: (shown: Buffer): boolean => verify(this.#protocol, this.#check, shown),
      // Called when the target is ready for an attempt; the certificate may not be signed yet.
      authHandler: (_methods, _partial, next) => this.#nextAttempt(next as (next: object | false) => void),
    }
    this.#ears = earsOf(socket, () => client.connect(config))
    delete config.algorithms // ssh2 keeps hold of the rest
    const insides = client as unknown as Insides
    this.#protocol = insides._protocol
    shareOffer(this.#protocol)
    this.leg = new Leg(insides, 'target', limits)
    client.on('handshake', () => this.leg.exchanged())
    leaveWith(signal, this.leg)
    this.leg.signal.addEventListener('abort', this.#left)
  }

  ready(patience: Milliseconds): Promise<void> {
    return this.#within(this.#ready.promise, patience)
  }

  async login(username: string, credential: Credential, patience: Milliseconds) {
    // ssh2 knows no certificates: its attempt with method `none` is made to send ours instead.
    this.#protocol.authNone = () => {
      const request = loginRequest(this.leg.sessionId, username, credential)
      this.#protocol._authsQueue.push('publickey')
      sendMessage(this.#protocol, request)
    }
    this.#attempted = true
    this.#attempt({ type: 'none', username })
    await this.#within(this.#loggedIn.promise, patience)
    letGo(this.leg, this.#protocol, this.#ears, this.#check)
    this.#ears = []
    this.#attempt = noMore
    this.leg.signal.removeEventListener('abort', this.#left)
    return { leg: this.leg, banner: this.#banner }
  }

  #nextAttempt(next: (next: object | false) => void): undefined {
    if (this.#attempted) next(false)
    else {
      this.#attempt = next
      this.#ready.resolve()
    }
  }

  #explain(cause: Ssh2Error): unknown {
    if (this.#check.fault !== undefined) return this.#check.fault
    if (cause.level === 'client-authentication')
      return new TargetRefusal('the target did not accept the certificate', this.#banner, { cause })
    const text = printable(cause.message, 200)
    // A number is the reason of the target's own DISCONNECT; sshd says so when it has had enough of us.
    if (typeof cause.code === 'number' && this.#attempted)
      return new TargetRefusal(text, `${this.#banner}${text}\n`, { cause })
    if (typeof cause.code === 'number') return new GatewayError('TARGET_LEFT', text, { cause })
    return new GatewayError(cause.level === 'client-socket' ? 'TARGET_LEFT' : 'TARGET_PROTOCOL', text, { cause })
  }

  #fail(why: unknown): void {
    this.#ready.reject(why)
    this.#loggedIn.reject(why)
    this.leg?.cut(why instanceof GatewayError ? why : new GatewayError('TARGET_LEFT', String(why), { cause: why }))
  }

  async #within(promise: Promise<void>, patience: Milliseconds): Promise<void> {
    const timer = setTimeout(
      () => this.#fail(new GatewayError('TARGET_TIMEOUT', 'the target did not answer in time')),
      patience,
    )
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Not taken: ssh2 ends the connection, and an error of its own comes. */
function verify(protocol: Protocol, check: HostKeyCheck, shown: Buffer): boolean {
  const proving = check.provingKey(shown)
  if (proving !== undefined) protocol._provingKey = proving
  return proving !== undefined
}

const noMore = (): void => {}

/** The handshake is over, and nothing of it is kept: neither the private key, nor what only a login needs. */
function letGo(leg: Leg, protocol: Protocol, ears: Ears, check: HostKeyCheck): void {
  protocol.authNone = noMore
  leg.inherit({
    ears,
    explain: (cause) => explainLater(cause, check),
    verify: (shown, answer) => {
      answer(verify(protocol, check, shown)) // what that returns is not handed on: ssh2 would take it for a yes
    },
  })
}

/**
 * A signed USERAUTH_REQUEST. The algorithm is the certificate's, the signature's type is the plain key's
 * (OpenSSH: PROTOCOL.certkeys; sshconnect2.c, sign_and_send_pubkey).
 */
function loginRequest(sessionId: Buffer, username: string, { certificate, sign }: Credential): Buffer {
  const algorithm = 'ssh-ed25519-cert-v01@openssh.com'
  const request = wire(
    MSG_USERAUTH_REQUEST,
    username,
    'ssh-connection',
    'publickey',
    { boolean: true },
    algorithm,
    certificate,
  )
  const signature = sign(wire(sessionId, { raw: request }))
  return wire({ raw: request }, wire('ssh-ed25519', signature))
}
