import { GatewayError } from '../model/errors.ts'
import { wire } from '../model/wire.ts'
import { Budget } from './budget.ts'
import { passInPlace } from './in-place.ts'
import {
  forgetKeyExchange,
  hear,
  type Insides,
  type Listener,
  type Protocol,
  sendMessage,
  sendMessageNow,
  type Wire,
} from './ssh2.ts'
import { notePassed } from './young-memory.ts'

const MSG = { disconnect: 1, ignore: 2, unimplemented: 3, kexinit: 20, userauthBanner: 53 } as const

/** Messages that only the other side of user authentication sends (RFC 4252, 4253, 4256); ssh2 would take them. */
const neverSent: Readonly<Record<Peer, ReadonlySet<number>>> = {
  client: new Set([6, 51, 52, 53, 60]),
  target: new Set([5, 50, 61]),
}
/** What it is called when the other end goes away. */
const left = { client: 'CLIENT_LEFT', target: 'TARGET_LEFT' } as const

/** Reasons of RFC 4253 section 11.1 that the gateway gives. */
export const disconnectReason = {
  protocolError: 2,
  hostKeyNotVerifiable: 9,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const

/** How much may wait here for a reader before the other leg is no longer read; a chunk that is being read comes on top. */
export const unsentMost = 1024 * 1024
/** Beyond this the peer that does not read is cut: only what the gateway itself says can bring it there. */
const unsentCut = 16 * 1024 * 1024
/** RFC 4253 section 9: keys are changed after a gigabyte or an hour. */
const rekeyBytes = 1024 ** 3
const rekeyMilliseconds = 3_600_000
/** A key exchange that takes longer is cut: what is sent meanwhile must wait in memory. */
const rekeyPatience = 60_000

/** Messages of one peer that nobody knows; each is answered. */
const unknownMost = 100
/** What a message that waits costs in memory beside its bytes. */
const messageOverhead = 256

export type Peer = 'client' | 'target'
type Stage = 'authenticating' | 'waiting' | 'relaying' | 'closed'

/**
 * One SSH connection, the client's or the target's, from its identification line to its end, as the gateway handles it:
 * whole messages of the connection protocol (RFC 4254) in and out, nothing of channels.
 *
 * authenticating → waiting (authenticated, nobody takes the messages yet) → relaying → closed. A connection message that
 * comes before authentication ends the connection (CVE-2018-10933).
 */
export class Leg implements Listener {
  readonly #peer: Peer
  readonly #protocol: Protocol
  readonly #socket: Wire
  readonly #end = new AbortController()
  #stage: Stage = 'authenticating'
  #take: (message: Buffer) => void = () => {}
  /** What came in one chunk with the end of authentication. */
  #early: Buffer[] = []
  #feeders = new Set<Leg>()
  /** Called once there is room again for what they have to say. */
  #writers: (() => void)[] = []
  #corked = false
  #queued = 0
  /** Bytes of memory beside those of the messages that were sent since the socket last had nothing to send. */
  #beside = 0
  #carried = 0
  readonly #budget = new Budget()
  #unknown = 0
  #rekeyTimer: NodeJS.Timeout
  #stall: NodeJS.Timeout | undefined

  constructor(insides: Insides, peer: Peer) {
    this.#peer = peer
    this.#protocol = insides._protocol
    this.#socket = insides._sock
    hear(this.#protocol, this)
    this.#socket.setNoDelay?.(true)
    this.#socket.setKeepAlive?.(true, 15_000)
    this.#rekeyTimer = setInterval(() => this.#rekey(), rekeyMilliseconds).unref()
    this.#socket.on('error', (cause) => this.#closed(new GatewayError(left[peer], 'the connection broke', { cause })))
    this.#socket.on('close', () => this.#closed(new GatewayError(left[peer], 'the connection was closed')))
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
    const bytes = this.#socket.writableLength + this.#queued
    return bytes === 0 ? 0 : bytes + this.#beside
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
    if (!this.#begin()) return
    if (!passInPlace(from.#protocol, this.#protocol, message)) return this.#seal(message)
    this.#beside += message.length // the rest of the chunk that it came in is no larger
    this.#count(message.length)
  }

  /** From here on `take` gets every message of the connection protocol, first those that have come already. */
  relay(take: (message: Buffer) => void): void {
    if (this.#stage === 'closed') return
    this.#stage = 'relaying'
    this.#take = take
    this.#socket.resume()
    for (const message of this.#early.splice(0)) this.#deliver(message)
  }

  /** The gateway has let the client in, or the target the gateway. Until `relay` nothing more is read. */
  authenticated(): void {
    if (this.#stage === 'authenticating') this.#stage = 'waiting'
  }

  get hasRoom(): boolean {
    return this.unsent <= unsentMost
  }

  /** Calls `go` once there is room; never when the connection is over. */
  whenRoom(go: () => void): void {
    if (this.#feeders.size + this.#writers.length === 0) this.#whenSent()
    this.#writers.push(go)
  }

  /** Stops reading this leg until `slow` has sent what waits there: its reader sets the pace, not our memory. */
  yieldTo(slow: Leg): void {
    if (slow.hasRoom || slow.#feeders.has(this)) return
    if (slow.#feeders.size + slow.#writers.length === 0) slow.#whenSent()
    slow.#feeders.add(this)
    this.#socket.pause()
  }

  /** SSH_MSG_IGNORE (RFC 4253 section 11.2): shows a client that counts silence that somebody is there. */
  keepAwake(): void {
    if (this.#writable()) sendMessage(this.#protocol, wire(MSG.ignore, ''))
  }

  /** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4); what is shown is the caller's to make fit for a terminal. */
  banner(text: string): void {
    if (this.#writable()) sendMessage(this.#protocol, wire(MSG.userauthBanner, text, ''))
  }

  /** SSH_MSG_DISCONNECT with a text for the person, then the end of the connection. */
  disconnect(reason: number, text: string, why: GatewayError): void {
    if (this.#writable()) sendMessageNow(this.#protocol, wire(MSG.disconnect, { uint32: reason }, text, ''))
    this.cut(why)
  }

  /** Ends the connection; what was written before still goes out, for a moment. */
  cut(why: GatewayError): void {
    this.#uncork()
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), 500).unref()
    this.#closed(why)
  }

  /** A message of the transport or of authentication has come; false: it is not looked at, since it ended the connection. */
  arrived(number: number, length: number): boolean {
    if (number === MSG.kexinit) this.#exchanging()
    const fault = neverSent[this.#peer].has(number)
      ? new GatewayError('PROTOCOL_ERROR', `message ${number} is not for a ${this.#peer} to send`)
      : this.#stage === 'authenticating'
        ? this.#budget.spend(length, number === MSG.kexinit)
        : undefined
    if (fault !== undefined) this.cut(fault)
    return fault === undefined
  }

  /** A message of the connection protocol has come. */
  connectionMessage(message: Buffer): void {
    if (this.#stage === 'relaying') this.#deliver(message)
    else if (this.#stage === 'waiting') this.#keep(message)
    else if (this.#stage === 'authenticating')
      this.disconnect(disconnectReason.protocolError, 'not before authentication', unexpected(message))
  }

  /** A message number that nobody knows (RFC 4253 section 11.4). */
  unknownMessage(message: Buffer): void {
    const sequence = ((this.#protocol._decipher?.inSeqno ?? 1) - 1) >>> 0
    if (this.#stage === 'authenticating') this.cut(unexpected(message))
    else if (++this.#unknown > unknownMost) this.cut(new GatewayError('RELAY_LIMIT', 'too many unknown messages'))
    else this.answer(wire(MSG.unimplemented, { uint32: sequence }))
  }

  /** A key exchange is done: what waited for it is on its way. */
  exchanged(): void {
    clearTimeout(this.#stall)
    this.#stall = undefined
    this.#queued = 0
    this.#carried = 0
    forgetKeyExchange(this.#protocol)
    this.#resumeFeeders()
    if (this.#feeders.size + this.#writers.length > 0) this.#whenSent()
  }

  /** The peer began a key exchange, or answered ours. */
  #exchanging(): void {
    this.#stall ??= setTimeout(
      () => this.cut(new GatewayError('PROTOCOL_ERROR', 'the key exchange took too long')),
      rekeyPatience,
    )
  }

  #keep(message: Buffer): void {
    this.#socket.pause()
    if (this.#early.push(Buffer.from(message)) > 64)
      this.cut(new GatewayError('RELAY_LIMIT', 'too much before its time'))
  }

  #deliver(message: Buffer): void {
    this.#count(message.length)
    notePassed(message.length)
    try {
      this.#take(message)
    } catch (thrown) {
      const why =
        thrown instanceof GatewayError ? thrown : new GatewayError('INTERNAL', String(thrown), { cause: thrown })
      this.disconnect(disconnectReason.protocolError, why.code === 'INTERNAL' ? 'internal error' : why.message, why)
    }
  }

  #count(length: number): void {
    this.#carried += length
    if (this.#carried > rekeyBytes) this.#rekey()
  }

  #rekey(): void {
    this.#carried = 0
    if (!this.#writable() || this.#protocol._kexinit !== undefined) return
    this.#protocol.rekey()
    this.#exchanging()
  }

  /** An empty write is done when all before it are. (`drain` comes only after a write that was called too much.) */
  #whenSent(): void {
    this.#socket.write('', () => {
      this.#resumeFeeders()
      if (this.#feeders.size + this.#writers.length > 0 && this.#socket.writableLength > 0) this.#whenSent()
    })
  }

  #resumeFeeders(): void {
    if (!this.hasRoom) return
    for (const feeder of this.#feeders) if (feeder.#stage === 'relaying') feeder.#socket.resume()
    this.#feeders.clear()
    for (const go of this.#writers.splice(0)) go()
  }

  /** To be called before each message: what is sent in one turn of the event loop is written together. */
  #begin(): boolean {
    if (!this.#writable()) return false
    if (this.#socket.writableLength + this.#queued === 0) this.#beside = 0
    this.#beside += messageOverhead
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => this.#uncork())
    }
    return true
  }

  #seal(message: Uint8Array): void {
    if (this.#protocol._kexinit !== undefined) this.#queued += message.length
    sendMessage(this.#protocol, message)
    this.#count(message.length)
    if (this.unsent > unsentCut) this.cut(new GatewayError('RELAY_LIMIT', 'does not read'))
  }

  #uncork(): void {
    if (this.#corked) this.#socket.uncork()
    this.#corked = false
  }

  #writable(): boolean {
    return this.#protocol._destruct !== undefined && this.#socket.writable
  }

  #closed(why: GatewayError): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    clearInterval(this.#rekeyTimer)
    clearTimeout(this.#stall)
    this.#resumeFeeders()
    this.#end.abort(why)
  }
}

function unexpected(message: Buffer): GatewayError {
  return new GatewayError('PROTOCOL_ERROR', `message ${message[0]} before authentication`)
}
