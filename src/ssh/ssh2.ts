import { createRequire, registerHooks } from 'node:module'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { pathToFileURL } from 'node:url'
import type * as Ssh2 from 'ssh2'
import type { ParsedKey } from 'ssh2'
import { wire } from '../model/wire.ts'
import { signatureAlgorithms } from './algorithms.ts'
import { beginKeyExchange } from './first-kexinit.ts'
import { hybridSide } from './hybrid-key.ts'
import { type Addon, type CipherConfig, createPacketOpener, type DecipherConfig, noteCipher } from './in-place.ts'
import { applyPatches, patches } from './patches.ts'

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
export interface Exchange {
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
export const listenerOf = (protocol: Protocol): Listener | undefined => listeners.get(protocol)
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
