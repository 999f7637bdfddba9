import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import { Listener, type ListenerParts } from './gateway/listener.ts'
import { listening, portOf } from './gateway/listening.ts'
import type { Milliseconds } from './model/units.ts'
import type { Door } from './workers/protocol.ts'

/** Where clients come in, and operators. */
export interface Doors {
  readonly sshPort: number
  readonly httpPort: number
  take(door: Door, socket: Socket): void
  /** Ends what is idle, and resolves when nothing is carried any more. */
  drain(): Promise<void>
  /** Of the SSH side: Fastify closes its own. */
  close(grace: Milliseconds): Promise<void>
}

/** Listens on both addresses. Throws LISTEN_FAILED. */
export async function openDoors(
  { http, gateway }: Pick<Config, 'http' | 'gateway'>,
  app: FastifyInstance,
  parts: ListenerParts,
): Promise<Doors> {
  await listening('http', http.listen, app.listen({ ...http.listen })) // Fastify writes into it
  const listener = await listening('gateway', gateway.listen, Listener.listen(gateway.listen, parts))
  return { ...doorsOf(app, listener), sshPort: listener.port, httpPort: portOf(app.server) }
}

/** Listens nowhere: connections are handed over by `take`. */
export async function handedDoors(app: FastifyInstance, parts: ListenerParts): Promise<Doors> {
  await app.ready()
  // From then on Node's server looks after its connections: how long a request takes, and which of them are idle.
  app.server.emit('listening')
  return { ...doorsOf(app, Listener.handed(parts)), sshPort: 0, httpPort: 0 }
}

/** Milliseconds between two looks for idle connections of HTTP. */
const lookEvery = 100

function doorsOf({ server }: FastifyInstance, listener: Listener): Pick<Doors, 'take' | 'drain' | 'close'> {
  const requests = new Set<Socket>()
  return {
    take(door, socket) {
      if (door === 'ssh') return listener.take(socket)
      requests.add(socket)
      socket.once('close', () => requests.delete(socket))
      socket.allowHalfOpen = true // as Node's server has its own
      server.emit('connection', socket)
    },
    async drain() {
      const http = new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          server.closeIdleConnections()
          if (requests.size > 0) return
          clearInterval(timer)
          resolve()
        }, lookEvery)
      })
      await Promise.all([http, listener.empty()])
    },
    close: (grace) => listener.close(grace),
  }
}
