import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyServerFactory } from 'fastify'
import { faultFields, type Log } from '../model/log.ts'
import { connectionsMost } from './connections.ts'

/** An `import` of it would read all that it exports, and so load the whole of `fetch`: 25 ms of a start. */
const { createServer } = process.getBuiltinModule('node:http')

/** Does something on behalf of one connection: what nothing catches, in there or in what comes of it later, is told to `owner`. */
export type Contain = (socket: Socket, owner: (thrown: unknown) => void, act: () => void) => void

export interface ServerParts {
  readonly contain: Contain
  /** A fault that nothing caught has ended a connection. */
  readonly faulted: () => void
  readonly log: Log
}

/** Milliseconds for all of a request to come; and between two of a connection. */
const requestTimeout = 10_000
const keepAliveTimeout = 72_000

/** Makes servers each of whose connections is contained: a fault of one request ends the connection that it came on. */
export const serverFactory =
  ({ contain, faulted, log }: ServerParts): FastifyServerFactory =>
  (handler) => {
    const server = createServer({ requestTimeout, keepAliveTimeout }, handler)
    server.maxConnections = connectionsMost
    serveBy(server, (socket, serve) => {
      const owner = (thrown: unknown): void => {
        const fault = thrown instanceof Error ? thrown : new Error(String(thrown))
        log.error(faultFields(fault), 'a fault that ended one HTTP connection')
        faulted()
        socket.destroy()
      }
      contain(socket, owner, serve)
    })
    return server
  }

/** Node's own listener begins to read what a connection says; now when it is told to. */
function serveBy(server: Server, take: (socket: Socket, serve: () => void) => void): void {
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) =>
    take(socket, () => {
      for (const listener of listeners) listener.call(server, socket)
    }),
  )
}
