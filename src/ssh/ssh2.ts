import { createRequire, registerHooks } from 'node:module'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { pathToFileURL } from 'node:url'
import type * as Ssh2 from 'ssh2'
import type { ParsedKey } from 'ssh2'
import type { GatewayError } from '../model/errors.ts'
import { wire } from '../model/wire.ts'
import { signatureAlgorithms } from './algorithms.ts'
import { beginKeyExchange } from './first-kexinit.ts'
import { hybridSide } from './hybrid-key.ts'
import { type Addon, type CipherConfig, createPacketOpener, type DecipherConfig, noteCipher } from './in-place.ts'
import { applyPatches, patches } from './patches.ts'
import { sharedBytes } from './shared-bytes.ts'

/*
 * The one file that loads ssh2, and the whole list of what is used of it beyond its documented API. ssh2 carries
 * transport, key exchange and user authentication; the connection protocol passes it by (see leg.ts).
 */

/** The packet layer of one connection, `_protocol` of ssh2's `Client` and of its server's clients. */
export interface Protocol {
  _kex: Exchange | undefined
  /** Ours while a key exchange is under way. */
  readonly _kexinit: unknown
  /** A server's, by the name of the algorithm. */
  _hostKeys: Readonly<Record<string, ParsedKey>>
  /** What the connection does with messages, by their names. */
  _handlers: Readonly<Record<string, unknown>>
  /** Called with each packet, with the peer's identification line, when it can't go on, and when keys are in use. */
  _onPacket: () => void
  _onHeader: () => void
  _onError: (this: Protocol, cause: Error) => void
  _onHandshakeComplete: (this: Protocol) => void
  /** What waits for the end of a key exchange. */
  _queue: Uint8Array[] | undefined
  /** The two identification lines, which every exchange hashes. */
  _identRaw: Buffer
  _remoteIdentRaw: Buffer
  /** Of a client: asked about the host key, at each exchange. */
  _hostVerifier: HostVerifier | undefined
  /** The lists of our KEXINIT. */
  _offer: Offer
  readonly _server: boolean
  readonly _strictMode: boolean | undefined
  /** Of a target: the plain key that must have signed the key exchange (see patches.ts). */
  _provingKey?: Buffer
  readonly _decipher: { readonly inSeqno: number } | undefined
  readonly _cipher: { encrypt(packet: Buffer): void }
  /** Where the bytes of packets go; each cipher takes it over when it is made. */
  _onWrite: (bytes: Buffer) => void
  readonly _packetRW: { readonly write: PacketWriter }
  /** Gone once the connection is. */
  readonly _destruct: unknown
  /** The methods of requests that are not answered yet; an answer takes the first. */
  readonly _authsQueue: string[]
  authNone(username: string): void
  rekey(): void
  parse(chunk: Buffer, start: number, end: number): void
  cleanup(): void
}
export type HostVerifier = (shown: Buffer, answer: (isKnown: boolean) => void) => void
/** The key exchange under way, or the last one. */
interface Exchange {
  readonly sessionID: Buffer
  readonly negotiated: Negotiated
}
/** What the two sides agreed on. */
export interface Negotiated {
  readonly kex: string
  readonly cs: { readonly cipher: string }
  readonly sc: { readonly cipher: string }
}
/** Read only: a server's is the same for all its connections. */
interface Offer {
  readonly lists: { readonly all: Buffer }
}
interface PacketWriter {
  readonly allocStart: number
  readonly allocStartKEX: number
  alloc(length: number, force?: boolean): Buffer
  finalize(packet: Buffer, force?: boolean): Buffer
}
/** What a connection runs over: a TCP socket, or a channel of another connection, which has no need of what only sockets have. */
export type Wire = Duplex & Partial<Pick<Socket, 'setNoDelay' | 'setKeepAlive'>>
/** An ssh2 connection of either side, with its insides. */
export interface Insides {
  readonly _protocol: Protocol
  readonly _sock: Wire
}
type MessageHandler = (protocol: Protocol, payload: Uint8Array) => unknown

const MSG_EXT_INFO = 7
/** What a server tells after the first key exchange (RFC 8308 section 3.1; OpenSSH, PROTOCOL, 1.9). */
const extInfo = wire(
  MSG_EXT_INFO,
  { uint32: 2 },
  'server-sig-algs',
  signatureAlgorithms.join(','),
  'ping@openssh.com',
  '0',
)

const require = createRequire(import.meta.url)
const library = dirname(require.resolve('ssh2'))

function loadPatched(): typeof Ssh2 {
  const files = new Map(patches.map(({ file }) => [pathToFileURL(join(library, file)).href, file]))
  const loaded = new Set<string>()
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const module = nextLoad(url, context)
      const file = files.get(url)
      if (file === undefined || module.source === undefined || module.source === null) return module
      loaded.add(file)
      return { ...module, source: applyPatches(file, Buffer.from(module.source as Uint8Array).toString('utf8')) }
    },
  })
  try {
    installCiphers()
    Object.assign(require('ssh2/lib/protocol/kex.js') as object, { hybridSide })
    Object.assign(require('ssh2/lib/protocol/Protocol.js') as object, {
      beginKeyExchange,
      sendExtInfo: (protocol: Protocol) => sendMessage(protocol, extInfo),
    })
    const ssh2 = require('ssh2') as typeof Ssh2
    const missed = [...files.values()].filter((file) => !loaded.has(file))
    if (missed.length > 0) throw new Error(`ssh2 was loaded without its patches: ${missed.join(', ')}`)
    return ssh2
  } finally {
    hooks.deregister()
  }
}

interface Ciphers {
  readonly bindingAvailable: boolean
  createCipher(config: CipherConfig): object
  createDecipher(config: DecipherConfig): object
}

/** Must come before the rest of ssh2 is loaded, which takes its functions out of this module once and for all. */
function installCiphers(): void {
  const ciphers = require('ssh2/lib/protocol/crypto.js') as Ciphers
  if (!ciphers.bindingAvailable) return
  const addon = require('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node') as Addon
  const { createCipher, createDecipher } = ciphers
  ciphers.createDecipher = (config) => createPacketOpener(addon, config) ?? createDecipher(config)
  ciphers.createCipher = (config) => {
    const cipher = createCipher(config)
    noteCipher(cipher, config)
    return cipher
  }
}

const ssh2 = loadPatched()
export const { Client, Server, utils } = ssh2

/** Indexed by message number; shared by all connections. A handler must return undefined. */
export const messageHandlers = require('ssh2/lib/protocol/handlers.js') as (MessageHandler | undefined)[]
const { sendPacket, sigSSHToASN1 } = require('ssh2/lib/protocol/utils.js') as {
  sendPacket(protocol: Protocol, packet: Buffer, bypass?: boolean): boolean
  sigSSHToASN1(signature: Buffer, algorithm: string): Buffer | undefined
}
/** The bytes of a signature as `ParsedKey.verify` takes them; undefined when they do not read. */
export const signatureBytes = sigSSHToASN1
/** Whether the addon for ciphers was built; without it everything works at less than half of the speed. */
export const nativeCiphers: boolean = (require('ssh2/lib/protocol/crypto.js') as Ciphers).bindingAvailable

// Its replies could not be told from those to the client's own requests (relay: replies are matched by order alone).
;(Server as unknown as { KEEPALIVE_CLIENT_INTERVAL: number }).KEEPALIVE_CLIENT_INTERVAL = -1

if (messageHandlers.length !== 256 || typeof sendPacket !== 'function')
  throw new Error('ssh2 has not the shape that was read')

/** Who hears what comes on a connection. */
export interface Listener {
  /** Every message but those of the connection protocol, before all else; false: nobody looks at it. */
  arrived(number: number, length: number): boolean
  /** Messages of the connection protocol (RFC 4254), which ssh2 itself then never sees. */
  connectionMessage(message: Buffer): void
  /** Messages whose number ssh2 does not know. */
  unknownMessage(message: Buffer): void

  // Once it is taken over; until then ssh2's own object of the connection does what these are for.

  /** Whole packets, and pieces of them. */
  read(chunk: Buffer): void
  /** The peer's DISCONNECT. */
  left(reason: number, text: string | undefined): void
  /** The packet layer can't go on, and is torn down. */
  failed(cause: Error): void
  /** New keys are in use. */
  exchanged(): void
}
/** ssh2's table of handlers is one for all connections. Connections that nobody hears are ssh2's own matter. */
const listeners = new WeakMap<Protocol, Listener>()
export function hear(protocol: Protocol, listener: Listener): void {
  listeners.set(protocol, listener)
  // A closure for each message, of which none is called any more: half a KiB for each side of a session.
  protocol._handlers = Object.fromEntries(Object.entries(protocol._handlers).filter(([name]) => !isUnused.test(name)))
}
/** Messages of the connection protocol; and what a target says of signatures, which ours has no use for. */
const isUnused = /^(?:CHANNEL_|GLOBAL_REQUEST$|REQUEST_|EXT_INFO$)/

/** One for each list of algorithms: a client of ssh2 makes its own, of some two KiB. */
const offers = new Map<string, Offer>()

/** Lets a connection have the same lists as others that offer the same. */
export function shareOffer(protocol: Protocol): void {
  const lists = protocol._offer.lists.all.toString('latin1')
  const shared = offers.get(lists)
  if (shared === undefined) offers.set(lists, protocol._offer)
  else protocol._offer = shared
}

const connectionProtocol: ReadonlySet<number> = new Set([80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100])

const asBuffer = (payload: Uint8Array): Buffer =>
  payload instanceof Buffer ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length)

for (let number = 0; number < messageHandlers.length; number++) {
  const original = messageHandlers[number]
  messageHandlers[number] = connectionProtocol.has(number)
    ? (protocol, payload) => {
        const listener = listeners.get(protocol)
        if (listener === undefined) return original?.(protocol, payload)
        listener.connectionMessage(asBuffer(payload))
        return undefined
      }
    : (protocol, payload) => {
        const listener = listeners.get(protocol)
        if (listener !== undefined && !listener.arrived(number, payload.length)) return undefined
        if (listener === undefined || original !== undefined) return original?.(protocol, payload)
        listener.unknownMessage(asBuffer(payload))
        return undefined
      }
}

/** Once keys are in use: the ephemeral keys, the secret and the hashed messages are let go. ssh2 asks for no more than this. */
export function forgetKeyExchange(protocol: Protocol): void {
  const exchange = protocol._kex
  if (exchange !== undefined && !(exchange instanceof DoneExchange)) protocol._kex = new DoneExchange(exchange)
}

/** A text takes a tenth of what bytes of their own do, and is asked for at the next exchange alone. */
class DoneExchange implements Exchange {
  readonly negotiated: Negotiated
  readonly #sessionId: string

  constructor({ sessionID, negotiated }: Exchange) {
    this.negotiated = sharedAgreement(negotiated)
    this.#sessionId = sessionID.toString('latin1')
  }

  get sessionID(): Buffer {
    return Buffer.from(this.#sessionId, 'latin1')
  }
}

/** Each name is one of our own lists, so there are not many. */
const agreements = new Map<string, Negotiated>()

/** The names are pieces of the lists that the peer has sent; a copy holds on to none of it. */
function sharedAgreement(negotiated: Negotiated): Negotiated {
  const text = JSON.stringify(negotiated)
  const shared = agreements.get(text) ?? (JSON.parse(text) as Negotiated)
  agreements.set(text, shared)
  return shared
}

/** What ssh2's own object of a connection listens to on its socket, but for `data`, which it does not at once. */
export type Ears = readonly (readonly [event: string, listener: (...details: unknown[]) => void])[]

/** Does what makes ssh2 listen to a socket; answers what it listens to from then on. */
export function earsOf(socket: Wire, attach: () => void): Ears {
  const before = new Map(socketEvents.map((event) => [event, socket.rawListeners(event)]))
  attach()
  return socketEvents.flatMap((event) =>
    socket
      .rawListeners(event)
      .filter((listener) => !before.get(event)?.includes(listener))
      .map((listener) => [event, listener as Ears[number][1]] as const),
  )
}
const socketEvents = ['connect', 'timeout', 'end', 'error', 'close'] as const

/** An error of ssh2's: where it arose, or the reason code of a DISCONNECT that was received. */
export type Ssh2Error = Error & { readonly level?: string; readonly code?: unknown }

/** What it takes to have a connection without ssh2's own object of it. */
export interface Estate {
  /** What that one listens to. */
  readonly ears: Ears
  /** What an error means, of this peer. */
  readonly explain: (cause: Ssh2Error) => GatewayError
  /** Of a target: asked about its host key at each exchange that is still to come. */
  readonly verify?: HostVerifier
}

/**
 * Authentication is over, and with it all that ssh2's own object of a connection is there for: it holds a hundred closures,
 * tables and contexts, of some ten KiB. Its packet layer goes on alone, and tells who hears it. (The server's count of its
 * connections goes with that; nobody asks for it.)
 */
export function takeOver(protocol: Protocol, socket: Wire, { ears, verify }: Omit<Estate, 'explain'>): void {
  protocol._handlers = handlers
  protocol._onPacket = protocol._onHeader = nothing
  protocol._onError = onError
  protocol._onHandshakeComplete = onHandshakeComplete
  protocol._hostVerifier = verify
  protocol._identRaw = sharedBytes(protocol._identRaw)
  protocol._remoteIdentRaw = sharedBytes(protocol._remoteIdentRaw)
  for (const [event, listener] of ears) socket.removeListener(event, listener)
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => listeners.get(protocol)?.read(chunk))
  socket.on('end', () => protocol.cleanup())
}
const nothing = (): void => {}

/** The same for all: ssh2 calls them with the packet layer, or as its methods. */
const handlers = {
  DISCONNECT: (protocol: Protocol, reason: number, text: string | undefined) =>
    listeners.get(protocol)?.left(reason, text),
}
function onError(this: Protocol, cause: Error): void {
  listeners.get(this)?.failed(cause)
}
function onHandshakeComplete(this: Protocol): void {
  const waiting = this._queue ?? []
  this._queue = undefined
  for (const payload of waiting) sendMessage(this, payload)
  listeners.get(this)?.exchanged()
}

/** Sends one message; during a key exchange it waits in ssh2's queue. */
export function sendMessage(protocol: Protocol, payload: Uint8Array): void {
  const writer = protocol._packetRW.write
  const packet = writer.alloc(payload.length)
  packet.set(payload, writer.allocStart)
  sendPacket(protocol, writer.finalize(packet))
}

/** Sends one message even during a key exchange: for DISCONNECT alone. */
export function sendMessageNow(protocol: Protocol, payload: Uint8Array): void {
  const writer = protocol._packetRW.write
  const packet = writer.alloc(payload.length, true)
  packet.set(payload, writer.allocStartKEX)
  sendPacket(protocol, writer.finalize(packet, true), true)
}
