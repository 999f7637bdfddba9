import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Address } from '../model/address.ts'
import type { PolicyConnection } from '../model/context.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd } from '../model/log.ts'
import { printableLines } from '../model/text.ts'
import type { Clock, Milliseconds } from '../model/units.ts'
import type { ChannelEnd } from '../ssh/channel-end.ts'
import type { Client, SshServer } from '../ssh/server.ts'
import { type Arrival, byJump, bySocket, partsOfJump } from './arrival.ts'
import { Authentication, type AuthenticationSettings, type Outcome } from './authentication.ts'
import type { History } from './chronicle.ts'
import { ConnectionDoor, type DoorParts } from './door.ts'
import { Grace, type GraceLimits } from './grace.ts'
import { type LiveParts, live } from './let-in.ts'
import type { Measures } from './measures.ts'
import type { RelaySettings } from './relay.ts'
import type { Destination } from './visit/jump.ts'
import { type VisitParts, type VisitSettings, visit } from './visit/visit.ts'

export interface ConnectionSettings extends GraceLimits, VisitSettings {
  /** `gateway.name`, for the policy. */
  readonly gateway: string
  /** For the identification line. */
  readonly identWait: Milliseconds
  readonly authentication: AuthenticationSettings
  readonly relay: RelaySettings
}

/** Undefined: the plain host key is shown. None of them rejects. */
export interface HostCertificates {
  ofGateway(): Promise<Buffer | undefined>
  /** `name` has the grammar of a route's name. */
  of(name: string): Promise<Buffer | undefined>
}

export interface ConnectionParts extends DoorParts, LiveParts, VisitParts {
  readonly ssh: SshServer
  readonly hostCertificates: HostCertificates
  readonly settings: ConnectionSettings
  readonly history: History
  readonly measures: Measures
  readonly log: Log
  readonly clock: Clock
}

/** One client, from its TCP connection to its end. Never rejects. `admitted` is called once it is let in. */
export const serve = (socket: Socket, source: Address, parts: ConnectionParts, admitted: () => void): Promise<void> =>
  serveArrival(bySocket(socket, source, parts), parts, admitted)

async function serveArrival(arrival: Arrival, parts: ConnectionParts, admitted: () => void): Promise<void> {
  const client = await greet(arrival, parts)
  if (client === undefined) return
  const id = randomUUID()
  const { source, jump } = arrival
  const log = arrival.log.child({ connection: id, source: source.ip, client: client.version })
  try {
    const connection = { source, gateway: parts.settings.gateway, client_version: client.version, jump, id }
    await authenticateAndCarry(client, connection, parts, log, admitted)
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    logEnd(log, fault, 'connection ended')
    client.leg.cut(fault)
  }
}

async function authenticateAndCarry(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
  parts: ConnectionParts,
  log: Log,
  admitted: () => void,
): Promise<void> {
  using grace = new Grace(client.leg, parts.settings)
  const sessionId = randomUUID()
  using door = new ConnectionDoor(sessionId, grace, parts)
  const outcome = await authenticate(client, connection, door, parts.settings.authentication)
  if (outcome.outcome === 'refused') return logEnd(log, outcome.fault, 'refused')
  const { admission, identity, accept, turnAway } = outcome
  const letIn = (): void => {
    grace[Symbol.dispose]()
    accept()
    admitted()
  }
  const { registered, visiting } = door
  if (admission.outcome === 'received') {
    if (visiting === undefined) throw new GatewayError('INTERNAL', 'let in, and nobody knows who')
    letIn()
    const outer = { leg: client.leg, connection, identity }
    const enter = (channel: ChannelEnd, to: Destination): void =>
      void serveArrival(byJump(channel, to, outer, parts), partsOfJump(to, outer, parts), () => {})
    return await visit(client.leg, { ...admission.caller, identity, visiting }, { ...parts, log }, enter)
  }
  if (registered === undefined) throw new GatewayError('INTERNAL', 'let in, and nobody knows who')
  const denied = await live(client.leg, admission, { identity, registered }, { ...parts, log }, () => {
    if (admission.banner !== '') client.leg.banner(printableLines(admission.banner))
    letIn()
  })
  if (denied === undefined) return
  turnAway(denied.refusal, denied.fault)
  logEnd(log, denied.fault, 'refused')
}

async function authenticate(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
  door: ConnectionDoor,
  settings: AuthenticationSettings,
): Promise<Outcome> {
  return await new Authentication(client, door, settings, { ...connection, kex: await client.kex }).run()
}

async function greet(arrival: Arrival, { ssh, settings }: ConnectionParts): Promise<Client | undefined> {
  const { wire, within, log } = arrival
  const timer = setTimeout(() => wire.destroy(), settings.identWait)
  try {
    const certificate = await arrival.certificate()
    if (wire.destroyed) return undefined
    const client = await ssh.handshake(wire, certificate)
    const { leg } = client
    within?.addEventListener('abort', () => leg.cut(within.reason as GatewayError), { signal: leg.signal })
    return client
  } catch (thrown) {
    log.debug(faultFields(thrown as Error), 'left before its identification line')
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
