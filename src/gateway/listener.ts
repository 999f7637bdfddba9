import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { parseAddress } from '../model/address.ts'
import { GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import { type ConnectionParts, serve } from './connection.ts'
import type { Places } from './places.ts'
import { Tally } from './tally.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Takes TCP connections, as many as there are places for before they have authenticated, and serves each. */
export class Listener {
  readonly #server: Server
  readonly #parts: ConnectionParts
  readonly #unauthenticated: Places
  /** Every connection, and whether it has been let in. */
  readonly #sockets = new Map<Socket, 'waiting' | 'admitted'>()
  readonly #turnedAway: Tally

  private constructor(parts: ConnectionParts, unauthenticated: Places) {
    this.#parts = parts
    this.#unauthenticated = unauthenticated
    this.#turnedAway = new Tally(1_000 as Milliseconds, (count, last) =>
      parts.log.warn({ code: 'TOO_MANY_CONNECTIONS', count, last }, 'connections turned away'),
    )
    this.#server = createServer({ noDelay: true }, (socket) => void this.#arrive(socket))
  }

  static async listen(address: ListenAddress, parts: ConnectionParts, unauthenticated: Places): Promise<Listener> {
    const listener = new Listener(parts, unauthenticated)
    listener.#server.listen(address)
    await once(listener.#server, 'listening')
    // After this nothing that one connection does may end the process.
    listener.#server.on('error', (cause) => parts.log.error({ fault: cause.message }, 'the listener met an error'))
    return listener
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async #arrive(socket: Socket): Promise<void> {
    socket.on('error', () => {}) // told by `close` as well; without a listener it would end the process
    const source = parseAddress(socket.remoteAddress ?? '')
    if (source === undefined) return void socket.destroy()
    const place = this.#unauthenticated.take(source)
    if (place === undefined) {
      this.#turnedAway.add(source)
      this.#parts.measures.turnedAway()
      return void socket.destroy()
    }
    this.#sockets.set(socket, 'waiting')
    socket.once('close', () => {
      this.#sockets.delete(socket)
      place[Symbol.dispose]()
    })
    await serve(socket, source, this.#parts, () => {
      place[Symbol.dispose]()
      this.#sockets.set(socket, 'admitted')
    })
  }

  /** Takes no more connections, ends those not let in, waits at most `grace` for live sessions, and cuts the rest. */
  async close(grace: Milliseconds): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const [socket, state] of this.#sockets) if (state === 'waiting') socket.destroy()
    const timer = setTimeout(() => this.#cut(), grace)
    await closed
    clearTimeout(timer)
  }

  #cut(): void {
    this.#parts.sessions.end(new GatewayError('SHUTTING_DOWN', 'the gateway is stopping'), () => true)
    setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy()
    }, 500)
  }
}
