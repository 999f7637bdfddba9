import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Cidr, cidrContains, parseAddress } from '../model/address.ts'
import { asGatewayError, type ErrorCode, GatewayError } from '../model/errors.ts'
import { faultFields } from '../model/log.ts'
import type { Milliseconds } from '../model/units.ts'
import type { Commons } from './commons.ts'
import { type ConnectionParts, type Entry, serve } from './connection.ts'
import { contained } from './containment.ts'
import { type ListenAddress, portOf } from './listening.ts'
import type { TurnedAway } from './measures.ts'
import { announced } from './proxied.ts'
import type { Peer } from './proxy-protocol.ts'
import { Tally } from './tally.ts'

export interface ListenerParts extends ConnectionParts {
  readonly commons: Commons
  /** Connections of proxies that may wait at the same time for whom they bring. May change. */
  readonly announcingMost: () => number
  /** Whose connections begin with a header of the PROXY protocol. */
  readonly proxies: readonly Cidr[]
}

/** What sshd says to whom it does not take (sshd.c, drop_connection): the same for whatever reason. */
const notNow = 'Not allowed at this time\r\n'

/** Takes TCP connections, as many as there are places for before they have authenticated, and serves each. */
export class Listener {
  /** Absent where connections are handed over. */
  readonly #server: Server | undefined
  readonly #parts: ListenerParts
  /** Every connection, and whether it has been let in. */
  readonly #sockets = new Map<Socket, 'waiting' | 'admitted'>()
  /** Those of proxies that have not said yet whom they bring. */
  #announcing = 0
  readonly #turnedAway: Readonly<Record<TurnedAway, Tally>>

  readonly #empty = new EventEmitter()
  #isClosing = false

  private constructor(parts: ListenerParts, server?: Server) {
    this.#parts = parts
    const tally = (code: ErrorCode): Tally =>
      new Tally(1_000 as Milliseconds, (count, last) =>
        parts.log.warn({ code, count, last }, 'connections turned away'),
      )
    this.#turnedAway = {
      TOO_MANY_CONNECTIONS: tally('TOO_MANY_CONNECTIONS'),
      SOURCE_PENALISED: tally('SOURCE_PENALISED'),
      PROXY_HEADER: tally('PROXY_HEADER'),
    }
    this.#server = server?.on('connection', (socket) => this.take(socket))
  }

  static async listen(address: ListenAddress, parts: ListenerParts): Promise<Listener> {
    const server = createServer({ noDelay: true })
    const listener = new Listener(parts, server)
    server.listen(address)
    await once(server, 'listening')
    // After this nothing that one connection does may end the process.
    server.on('error', (cause) => parts.log.error({ fault: cause.message }, 'the listener met an error'))
    return listener
  }

  /** Listens nowhere: what it gets is by `take`. */
  static handed(parts: ListenerParts): Listener {
    return new Listener(parts)
  }

  get port(): number {
    return portOf(this.#server)
  }

  /** Serves a connection of which nothing was read. */
  take(socket: Socket): void {
    socket.on('error', () => {}) // told by `close` as well; without a listener it would end the process
    if (this.#isClosing) return void socket.destroy()
    this.#sockets.set(socket, 'waiting')
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#empty.emit('empty')
    })
    let end = (_fault: GatewayError): void => void socket.destroy()
    const owner = (thrown: unknown): void => {
      const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
      this.#parts.log.error(faultFields(fault), 'a fault that ended one connection')
      this.#parts.measures.faulted('ssh')
      try {
        end(fault)
      } catch {
        socket.destroy()
      }
    }
    contained(socket, owner, () => void this.#arrive(socket, (how) => (end = how)))
  }

  async #arrive(socket: Socket, endBy: Entry['endBy']): Promise<void> {
    const ip = parseAddress(socket.remoteAddress ?? '')
    if (ip === undefined) return void socket.destroy()
    const peer = await this.#peerOf(socket, { ip, port: socket.remotePort ?? 0 })
    if (peer === undefined) return
    const place = await this.#parts.commons.enter(peer.ip)
    if (typeof place === 'string') return this.#turnAway(socket, peer, place)
    if (socket.destroyed) return place[Symbol.dispose]() // it left, or the listener was closed, before the answer was there
    const giveBack = (): void => place[Symbol.dispose]()
    socket.on('close', giveBack)
    const admitted = (): void => {
      giveBack()
      socket.off('close', giveBack) // it would be held for as long as the connection lasts
      this.#sockets.set(socket, 'admitted')
    }
    await serve(socket, peer, this.#parts, { place, admitted, endBy })
  }

  /** Whom a named proxy brings; who is none speaks for itself, and a header of theirs is junk like any other. */
  async #peerOf(socket: Socket, itself: Peer): Promise<Peer | undefined> {
    const { proxies, announcingMost, settings } = this.#parts
    if (!proxies.some((cidr) => cidrContains(cidr, itself.ip))) return itself
    if (this.#announcing >= announcingMost()) {
      this.#turnAway(socket, itself, 'TOO_MANY_CONNECTIONS')
      return undefined
    }
    this.#announcing++
    try {
      return await announced(socket, itself, settings.identWait)
    } catch {
      this.#turnAway(socket, itself, 'PROXY_HEADER')
      return undefined
    } finally {
      this.#announcing--
    }
  }

  #turnAway(socket: Socket, { ip }: Peer, code: TurnedAway): void {
    this.#turnedAway[code].add(ip)
    this.#parts.measures.turnedAway(code)
    socket.end(notNow, () => socket.destroy())
  }

  /** Takes no more connections, ends those not let in, waits at most `grace` for live sessions, and cuts the rest. */
  async close(grace: Milliseconds): Promise<void> {
    this.#isClosing = true
    this.#server?.close()
    for (const [socket, state] of this.#sockets) if (state === 'waiting') socket.destroy()
    const timer = setTimeout(() => this.#cut(), grace)
    await this.empty()
    clearTimeout(timer)
  }

  /** Resolves as soon as there is no connection. */
  async empty(): Promise<void> {
    if (this.#sockets.size > 0) await once(this.#empty, 'empty')
  }

  #cut(): void {
    this.#parts.sessions.end(new GatewayError('SHUTTING_DOWN', 'the gateway is stopping'), () => true)
    setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy()
    }, 500)
  }
}
