import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import type * as Ssh2 from 'ssh2'
import type { AnyAuthMethod, ParsedKey, Client as Ssh2Client } from 'ssh2'
import { fingerprintOf } from '../../src/model/fingerprint.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import { Client, type Insides, messageHandlers, sendMessage, utils } from '../../src/ssh/ssh2.ts'

/*
 * A client that does what stock clients never do. It shares the packet layer with the gateway's own code, but runs in the
 * test's process: nothing of the gateway that is tested is in it.
 */
export interface RawClient extends Disposable {
  readonly ssh: Ssh2Client
  /** Sends one message as it is. */
  send(message: Uint8Array): void
  /** The next message with this number, or with one of these; rejects when the connection ends before. */
  next(...numbers: readonly number[]): Promise<Buffer>
  /** How the connection ended. */
  readonly closed: Promise<string>
  /** Stops reading from the TCP connection. */
  pause(): void
  resume(): void
  readonly unsent: number
  /** Begins another key exchange. */
  rekey(): void
  readonly sessionId: Buffer
}

// Loaded after the gateway's own loader has patched it.
const require = createRequire(import.meta.url)
const { BaseAgent } = require('ssh2') as typeof Ssh2
const { KexInit } = require('ssh2/lib/protocol/kex.js') as { KexInit: new (offer: object) => object }

/** Offers one key and signs with another. */
export class ForgingAgent extends BaseAgent<ParsedKey> {
  readonly #offered: ParsedKey
  readonly #used: ParsedKey
  constructor(offered: string, used: string) {
    super()
    this.#offered = parse(offered)
    this.#used = parse(used)
  }
  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.#offered])
  }
  override sign(_key: unknown, data: Buffer, options: unknown, done?: unknown): void {
    const answer = (typeof options === 'function' ? options : done) as (error: undefined, signature: Buffer) => void
    answer(undefined, this.#used.sign(data) as unknown as Buffer)
  }
}

function parse(text: string): ParsedKey {
  const key = utils.parseKey(text)
  if (key instanceof Error) throw key
  return key
}

/** What the client hears itself; of the rest ssh2 takes care. */
const connectionProtocol = new Set([3, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 193])
const userAuthentication = new Set([...connectionProtocol, 6, 7, 51, 52, 53, 60])

const hearing = new WeakMap<object, ReadonlySet<number>>()
const received = new WeakMap<object, Map<number, Buffer[]>>()
for (const number of userAuthentication) {
  const original = messageHandlers[number]
  messageHandlers[number] = (protocol, payload) => {
    const queues = received.get(protocol)
    if (queues === undefined || !hearing.get(protocol)?.has(number)) return original?.(protocol, payload)
    const queue = queues.get(number) ?? []
    queue.push(Buffer.from(payload))
    queues.set(number, queue)
    for (const wake of arrivals.get(protocol) ?? []) wake()
    return undefined
  }
}
const arrivals = new WeakMap<object, Set<() => void>>()

export interface RawOptions {
  readonly port: number
  readonly username: string
  /** Absent: it never tries. */
  readonly authHandler?: readonly AnyAuthMethod[]
  /** Resolves once this event came; `ready` when absent. */
  readonly until?: 'ready' | 'handshake' | 'close'
  /** User authentication is the test's own matter too. */
  readonly raw?: boolean
  /** What it offers in place of the usual; strict key exchange is what stock clients add to it. */
  readonly offer?: { readonly kex: readonly string[]; readonly cipher: string }
}

export async function rawClient({
  port,
  username,
  authHandler,
  until = 'ready',
  raw = false,
  offer,
}: RawOptions): Promise<RawClient> {
  const ssh = new Client()
  const ended = Promise.withResolvers<string>()
  let why = 'closed'
  ssh.on('error', (error) => (why = error.message)).on('close', () => ended.resolve(why))
  const reached = Promise.race([new Promise((resolve) => (ssh as EventEmitter).once(until, resolve)), ended.promise])
  ssh.connect({
    host: '127.0.0.1',
    port,
    username,
    readyTimeout: 0, // that of the test ends it
    authHandler: authHandler === undefined ? () => undefined : [...authHandler],
    hostVerifier: (key: Buffer) => fingerprintOf(key) !== '',
  })
  const { _protocol: protocol, _sock: socket } = ssh as unknown as Insides
  if (offer !== undefined) {
    const way = { cipher: [offer.cipher], mac: ['hmac-sha2-256-etm@openssh.com'], compress: ['none'], lang: [] }
    Object.assign(protocol, {
      ...(offer.kex.some((name) => name.startsWith('kex-strict-')) ? {} : { _strictMode: false }),
      _offer: new KexInit({ kex: [...offer.kex], serverHostKey: ['ssh-ed25519'], cs: way, sc: way }),
    })
  }
  received.set(protocol, new Map())
  hearing.set(protocol, raw ? userAuthentication : connectionProtocol)
  const waiting = new Set<() => void>()
  arrivals.set(protocol, waiting)
  await reached
  return {
    ssh,
    closed: ended.promise,
    send: (message) => {
      if (protocol._destruct !== undefined) sendMessage(protocol, message)
    },
    next: (...numbers) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const queues = numbers.map((number) => received.get(protocol)?.get(number))
          const message = queues.find((queue) => queue !== undefined && queue.length > 0)?.shift()
          if (message === undefined) return
          waiting.delete(look)
          resolve(message)
        }
        waiting.add(look)
        void ended.promise.then((reason) => reject(new Error(`the connection ended: ${reason}`)))
        look()
      }),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    get unsent() {
      return socket.writableLength
    },
    rekey: () => protocol.rekey(),
    get sessionId() {
      return protocol._kex?.sessionID ?? Buffer.alloc(0)
    },
    [Symbol.dispose]: () => ssh.destroy(),
  }
}

/** A USERAUTH_REQUEST (RFC 4252 section 5). */
export const authRequest = (username: string, method: string, ...details: Part[]): Buffer =>
  wire(50, username, 'ssh-connection', method, ...details)

/** The same by public key, signed over this very session (section 7). Ed25519 only. */
export function proof({ sessionId }: RawClient, username: string, privateKey: string): Buffer {
  const key = parse(privateKey)
  const request = authRequest(username, 'publickey', { boolean: true }, key.type, key.getPublicSSH())
  const signature = key.sign(wire(sessionId, { raw: request })) as Buffer
  return wire({ raw: request }, wire(key.type, signature))
}
