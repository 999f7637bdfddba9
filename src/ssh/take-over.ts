import type { GatewayError } from '../model/errors.ts'
import { sharedBytes } from './shared-bytes.ts'
import { type HostVerifier, listenerOf, type Protocol, sendMessage, type Wire } from './ssh2.ts'

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
  socket.on('data', (chunk: Buffer) => listenerOf(protocol)?.read(chunk))
  socket.on('end', () => protocol.cleanup())
}
const nothing = (): void => {}

/** The same for all: ssh2 calls them with the packet layer, or as its methods. */
const handlers = {
  DISCONNECT: (protocol: Protocol, reason: number, text: string | undefined) =>
    listenerOf(protocol)?.left(reason, text),
}
function onError(this: Protocol, cause: Error): void {
  listenerOf(this)?.failed(cause)
}
function onHandshakeComplete(this: Protocol): void {
  const waiting = this._queue ?? []
  this._queue = undefined
  for (const payload of waiting) sendMessage(this, payload)
  listenerOf(this)?.exchanged()
}
