import { asGatewayError, GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { weaknessOf } from './algorithms.ts'
import { Budget, broken, closed, left, type Peer, saysNothingLater, tooLate, wrongWay } from './budget.ts'
import { forgetKeyExchange } from './done-exchange.ts'
import { passInPlace } from './in-place.ts'
import { KeyRenewal, type RekeyLimits } from './key-renewal.ts'
import { type Feeder, Outflow } from './outflow.ts'
import { ReadBuffers } from './read-buffers.ts'
import { hear, type Insides, type Listener, type Protocol, sendMessage, sendMessageNow, type Wire } from './ssh2.ts'
import { type Estate, takeOver } from './take-over.ts'
import * as messages from './transport-messages.ts'
import { disconnectReason, MSG } from './transport-messages.ts'
import { notePassed } from './young-memory.ts'

/** Beyond this the peer that does not read is cut: only what the gateway itself says can bring it there. */
const unsentCut = 16 * 1024 * 1024
/** A peer that has been sent our KEXINIT ends with what is on its way already: what its windows let it send. */
const unsentMeanwhile = 8 * 1024 * 1024

/** Messages of one peer that nobody knows; each is answered. */
const unknownMost = 100

type Stage = 'authenticating' | 'waiting' | 'relaying' | 'closed'

/**
 * One SSH connection, the client's or the target's, from its identification line to its end, as the gateway handles it:
 * whole messages of the connection protocol (RFC 4254) in and out, nothing of channels.
 *
 * authenticating → waiting (authenticated, nobody takes the messages yet) → relaying → closed. A connection message that
 * comes before authentication ends the connection (CVE-2018-10933).
 */
export class Leg implements Listener, Feeder {
  readonly #peer: Peer
  readonly #protocol: Protocol
  readonly #socket: Wire
  readonly #end = new AbortController()
  #stage: Stage = 'authenticating'
  #take: (message: Buffer) => void = () => {}
  /** What came in one chunk with the end of authentication. */
  #early: Buffer[] = []
  readonly #outflow: Outflow
  #reading: ReadBuffers | undefined
  readonly #keys: KeyRenewal
  /** Before authentication. */
  #budget: Budget | undefined = new Budget()
  #explain: Estate['explain'] = unexplained
  #unknown = 0
  /** Something waits for its reader, so this leg is not read; but for a key exchange. */
  #isHeld = false

  constructor(insides: Insides, peer: Peer, limits: RekeyLimits) {
    this.#peer = peer
    this.#protocol = insides._protocol
    this.#socket = insides._sock
    hear(this.#protocol, this)
    this.#socket.setNoDelay?.(true)
    this.#socket.setKeepAlive?.(true, 15_000)
    this.#outflow = new Outflow(this.#socket)
    this.#protocol._onWrite = (bytes) => this.#outflow.write(bytes)
    this.#keys = new KeyRenewal(
      limits,
      () => this.#rekey(),
      () => this.cut(new GatewayError('PROTOCOL_ERROR', 'the key exchange took too long')),
    )
    this.#socket.on('error', (cause) =>
      this.#closed(new GatewayError(left[peer], printable(cause.message, 200), { cause })),
    )
    this.#socket.on('close', () => {
      this.#protocol.cleanup()
      this.#closed(new GatewayError(left[peer], closed[peer]))
    })
  }

  /** Aborted when the connection is over, with the reason. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  /** RFC 4253 section 7.2: the exchange hash of the first key exchange. */
  get sessionId(): Buffer {
    const id = this.#protocol._kex?.sessionID
    if (id === undefined) throw new GatewayError('PROTOCOL_ERROR', 'no session id before the first key exchange')
    return id
  }

  /** Memory held by what this side has not taken yet: in the socket, and in the queue of a key exchange. */
  get unsent(): number {
    return this.#outflow.unsent
  }

  /** Sends what the gateway itself answers. Who asks and does not read the answers is not read either. */
  answer(message: Uint8Array): void {
    this.send(message)
    this.yieldTo(this)
  }

  send(message: Uint8Array): void {
    if (this.#begin()) this.#seal(message)
  }

  /** Sends a message of `from` that passes as it came. Whoever had it reads it no more: it may be sealed in its own bytes. */
  pass(message: Uint8Array, from: Leg): void {
    if (!this.#writable()) return
    const isLent = from.#reading?.lendTo(this.#outflow) === true
    this.#outflow.begin(isLent)
    if (!passInPlace(from.#protocol, this.#protocol, message, isLent)) return this.#seal(message)
    if (!isLent) this.#outflow.beside(message.length) // the rest of the chunk that it came in is no larger
    this.#keys.carried(message.length)
  }

  /** From here on `take` gets every message of the connection protocol, first those that have come already. */
  relay(take: (message: Buffer) => void): void {
    if (this.#stage === 'closed') return
    this.#stage = 'relaying'
    this.#take = take
    this.#reading ??= ReadBuffers.of(this.#socket, this.#protocol)
    this.#socket.resume()
    for (const message of this.#early.splice(0)) this.#deliver(message)
  }

  /** The gateway lets the client in, or the target the gateway. Until `relay` nothing more is read. */
  authenticated(): void {
    if (this.#stage === 'authenticating') this.#stage = 'waiting'
    this.#budget = undefined
  }

  /** The last word of authentication has gone out, or come in: ssh2's own object of the connection is let go. */
  inherit(estate: Estate): void {
    this.#explain = estate.explain
    takeOver(this.#protocol, this.#socket, estate)
  }

  get hasRoom(): boolean {
    return this.#outflow.hasRoom
  }

  /** Calls `go` once there is room again for what it has to say. */
  whenRoom(go: () => void): void {
    this.#outflow.holdBack({ pauseReading() {}, resumeReading: go })
  }

  /** Stops reading this leg until `slow` has sent what waits there: its reader sets the pace, not our memory. */
  yieldTo(slow: Leg): void {
    slow.#outflow.holdBack(this)
    if (this.#isHeld && this.#keys.underWay && slow.unsent > unsentMeanwhile)
      this.cut(new GatewayError('RELAY_LIMIT', 'sends without end during a key exchange'))
  }

  /** Not while keys are exchanged: what ends that comes behind the data, and two legs could wait for each other. */
  pauseReading(): void {
    this.#isHeld = true
    if (!this.#keys.underWay) this.#socket.pause()
  }

  resumeReading(): void {
    this.#isHeld = false
    if (this.#stage === 'relaying') this.#socket.resume()
  }

  /** SSH_MSG_IGNORE (RFC 4253 section 11.2): shows a client that counts silence that somebody is there. */
  keepAwake(): void {
    if (this.#writable()) sendMessage(this.#protocol, messages.ignore)
  }

  /**
   * Answers a message that wants no answer with SSH_MSG_IGNORE: a peer that sends small packets may hold the next one back until
   * this one is acknowledged (Nagle's algorithm), which a kernel with nothing else to send does only after 40 ms.
   */
  acknowledge(): void {
    this.answer(messages.ignore)
  }

  /** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4); what is shown is the caller's to make fit for a terminal. */
  banner(text: string): void {
    if (this.#writable()) sendMessage(this.#protocol, messages.banner(text))
  }

  /** SSH_MSG_DISCONNECT with a text for the person, then the end of the connection. */
  disconnect(reason: number, text: string, why: GatewayError): void {
    if (this.#writable()) sendMessageNow(this.#protocol, messages.disconnect(reason, text))
    this.cut(why)
  }

  /** Ends the connection; what was written before still goes out, for a moment. */
  cut(why: GatewayError): void {
    this.#outflow.flush()
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), 500).unref()
    this.#closed(why)
  }

  /** A message of the transport or of authentication has come; false: it is not looked at, since it ended the connection. */
  arrived(number: number, length: number): boolean {
    if (number === MSG.kexinit) this.#exchanging()
    const fault = wrongWay(this.#peer, number) ?? this.#budget?.spend(length, number === MSG.kexinit)
    if (fault !== undefined) this.cut(fault)
    else if (this.#stage !== 'authenticating') return this.#arrivedLater(number)
    return fault === undefined
  }

  #arrivedLater(number: number): boolean {
    const fault = tooLate(this.#peer, number)
    if (fault !== undefined) this.disconnect(disconnectReason.protocolError, fault.message, fault)
    return fault === undefined && !saysNothingLater(number)
  }

  read(chunk: Buffer): void {
    if (this.#protocol._destruct === undefined) return
    try {
      this.#protocol.parse(chunk, 0, chunk.length)
    } catch (thrown) {
      this.failed(thrown as Error)
    }
  }

  left(reason: number, text: string | undefined): void {
    if (reason !== disconnectReason.byApplication)
      this.failed(Object.assign(new Error(text || `reason ${reason}`), { code: reason }))
    this.#socket.end()
  }

  failed(cause: Error): void {
    this.cut(this.#explain(cause))
  }

  /** A message of the connection protocol has come. */
  connectionMessage(message: Buffer): void {
    if (this.#stage === 'relaying') this.#deliver(message)
    else if (this.#stage === 'waiting') this.#keep(message)
    else if (this.#stage === 'authenticating')
      this.disconnect(disconnectReason.protocolError, 'not before authentication', unexpected(message))
  }

  /** A message that ssh2 does not know. Nobody else does either, but for pings (RFC 4253 section 11.4). */
  unknownMessage(message: Buffer): void {
    if (message[0] === MSG.ping) return this.answer(messages.pong(message))
    const sequence = ((this.#protocol._decipher?.inSeqno ?? 1) - 1) >>> 0
    if (++this.#unknown > unknownMost) this.cut(new GatewayError('RELAY_LIMIT', 'too many unknown messages'))
    else this.answer(messages.unimplemented(sequence))
  }

  /** A key exchange is done: what waited for it is on its way. */
  exchanged(): void {
    this.#keys.done()
    const { _kex: exchange, _strictMode: isStrict = false } = this.#protocol
    const weakness = exchange && weaknessOf(exchange.negotiated, isStrict)
    if (weakness !== undefined)
      return this.disconnect(
        disconnectReason.keyExchangeFailed,
        weakness,
        new GatewayError(broken[this.#peer], weakness),
      )
    forgetKeyExchange(this.#protocol)
    if (this.#isHeld) this.#socket.pause()
    this.#outflow.released()
  }

  #keep(message: Buffer): void {
    this.#socket.pause()
    if (this.#early.push(Buffer.from(message)) > 64)
      this.cut(new GatewayError('RELAY_LIMIT', 'too much before its time'))
  }

  #deliver(message: Buffer): void {
    this.#keys.carried(message.length)
    if (this.#reading?.lends !== true) notePassed(message.length)
    try {
      this.#take(message)
    } catch (thrown) {
      const why = asGatewayError(thrown, 'INTERNAL', String(thrown))
      this.disconnect(disconnectReason.protocolError, why.code === 'INTERNAL' ? 'internal error' : why.message, why)
    }
  }

  #rekey(): void {
    if (!this.#writable() || this.#protocol._kexinit !== undefined) return
    this.#protocol.rekey()
    this.#exchanging()
  }

  #exchanging(): void {
    this.#keys.begun()
    if (this.#isHeld) this.#socket.resume()
  }

  #begin(): boolean {
    const writable = this.#writable()
    if (writable) this.#outflow.begin()
    return writable
  }

  #seal(message: Uint8Array): void {
    if (this.#protocol._kexinit !== undefined) this.#outflow.queued(message.length)
    sendMessage(this.#protocol, message)
    this.#keys.carried(message.length)
    if (this.unsent > unsentCut) this.cut(new GatewayError('RELAY_LIMIT', 'does not read'))
  }

  #writable(): boolean {
    return this.#protocol._destruct !== undefined && this.#socket.writable
  }

  #closed(why: GatewayError): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#keys[Symbol.dispose]()
    this.#outflow.resumeFeeders()
    this.#end.abort(why)
  }
}

const unexplained = (cause: Error): GatewayError =>
  new GatewayError('PROTOCOL_ERROR', printable(cause.message, 200), { cause })

function unexpected(message: Buffer): GatewayError {
  return new GatewayError('PROTOCOL_ERROR', `message ${message[0]} before authentication`)
}
