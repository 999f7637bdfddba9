import type { Socket } from 'node:net'
import type { PolicyConnection, PolicyIdentity } from '../model/context.ts'
import type { Log } from '../model/log.ts'
import type { ChannelEnd } from '../ssh/channel-end.ts'
import type { Leg } from '../ssh/leg.ts'
import type { Wire } from '../ssh/server.ts'
import type { ConnectionParts, Entry } from './connection.ts'
import type { Steps } from './decide.ts'
import type { Peer } from './proxy-protocol.ts'
import type { Destination } from './visit/jump.ts'

/** How a client has come, before it has said anything. */
export interface Arrival {
  readonly wire: Wire
  readonly source: Peer
  readonly jump: boolean
  /** Anything at all has come from it. */
  hasSpoken(): boolean
  /** A host certificate for the name by which the client knows us; undefined: none, the plain key is shown. */
  certificate(): Promise<Buffer | undefined>
  /** Of a jump: ends with the connection that it is in, and for the same reason. */
  readonly within?: AbortSignal
  readonly log: Log
}

/** By TCP. */
export function bySocket(socket: Socket, source: Peer, { hostCertificates, log }: ConnectionParts): Arrival {
  const before = socket.bytesRead - socket.readableLength // what a proxy's header left there has come already
  return {
    wire: socket,
    source,
    jump: false,
    hasSpoken: () => socket.bytesRead > before,
    certificate: () => hostCertificates.ofGateway(),
    log,
  }
}

/** The connection that a jump is in. */
export interface Outer {
  readonly leg: Leg
  readonly connection: Pick<PolicyConnection, 'id'> & { readonly source: Peer }
  readonly identity: PolicyIdentity
}

/** By a channel of a connection without a route; as far as a policy sees, from where that one came. */
export function byJump(
  channel: ChannelEnd,
  to: Destination,
  outer: Outer,
  { hostCertificates, log }: ConnectionParts,
): Arrival {
  channel.once('end', () => channel.end(() => channel.destroy())) // as a socket does by itself
  return {
    wire: channel,
    source: outer.connection.source,
    jump: true,
    hasSpoken: () => false,
    certificate: () => hostCertificates.of(to.host),
    within: outer.leg.signal,
    log: log.child({ inside: outer.connection.id }),
  }
}

/** A jump has no place of its own among those that wait: it is inside a connection that was let in, which bounds their number. */
export const entryOfJump: Entry = {
  place: { aside: () => nowhere, [Symbol.dispose]() {} },
  admitted() {},
  endBy() {},
}
const nowhere: Disposable = { [Symbol.dispose]() {} }

/** What a connection inside a jump is served with: it leads to one route, and lets one person in. */
export function partsOfJump(to: Destination, { identity }: Outer, parts: ConnectionParts): ConnectionParts {
  const { settings } = parts
  return {
    ...parts,
    person: identity,
    steps: throughPort(to.port, parts.steps),
    settings: { ...settings, authentication: { ...settings.authentication, jumpTo: to.host } },
  }
}

/** By any other port than 22 and its own there is no such route. */
const throughPort = (port: number, steps: Steps): Steps => ({
  ...steps,
  route(name) {
    const route = steps.route(name)
    return port === 22 || port === route?.port ? route : undefined
  },
})
