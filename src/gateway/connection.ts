import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { PolicyConnection } from '../model/context.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd, withFields } from '../model/log.ts'
import { printableLines } from '../model/text.ts'
import type { Clock, Milliseconds } from '../model/units.ts'
import type { ChannelEnd } from '../ssh/channel-end.ts'
import type { Leg } from '../ssh/leg.ts'
import type { Client, SshServer } from '../ssh/server.ts'
import { type Arrival, byJump, bySocket, entryOfJump, partsOfJump } from './arrival.ts'
import { Authentication, type AuthenticationSettings, type Door, type Outcome } from './authentication.ts'
import type { History } from './chronicle.ts'
import type { Commons } from './commons.ts'
import { Conduct } from './conduct.ts'
import { ConnectionDoor, type DoorParts } from './door.ts'
import { Grace, type GraceLimits } from './grace.ts'
import { type LiveParts, live } from './let-in.ts'
import type { Measures } from './measures.ts'
import type { Offence } from './offences.ts'
import type { Place } from './places.ts'
import type { Peer } from './proxy-protocol.ts'
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
  readonly commons: Pick<Commons, 'punish'>
  readonly history: History
  readonly measures: Measures
  readonly log: Log
  readonly clock: Clock
}

/** What a connection, and whoever took it, owe each other. */
export interface Entry {
  /** Until it is let in. */
  readonly place: Place
  admitted(): void
  /** How a fault that nothing caught ends it. */
  endBy(end: (fault: GatewayError) => void): void
}

/** One client, from its TCP connection to its end. Never rejects. */
export const serve = (socket: Socket, peer: Peer, parts: ConnectionParts, entry: Entry): Promise<void> =>
  serveArrival(bySocket(socket, peer, parts), parts, entry)

async function serveArrival(arrival: Arrival, parts: ConnectionParts, entry: Entry): Promise<void> {
  const client = await greet(arrival, parts)
  if (client === undefined) return
  endBy(client.leg, entry)
  const id = randomUUID()
  const { source, jump } = arrival
  const log = withFields(arrival.log, { connection: id, source: source.ip, client: client.version })
  using conduct = new Conduct(entry.place)
  const connection = { id, source, gateway: parts.settings.gateway, client_version: client.version, jump }
  try {
    const refused = await authenticateAndCarry(client, connection, parts, log, conduct, entry)
    if (refused !== undefined) penalise(source, conduct.offence(refused), parts)
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    penalise(source, conduct.offence(fault), parts)
    logEnd(log, fault, 'connection ended')
    client.leg.cut(fault)
  }
}

/** Held for as long as the connection is, and so holds nothing else. */
const endBy = (leg: Leg, entry: Entry): void => entry.endBy((fault) => leg.cut(fault))

function penalise({ ip }: Peer, offence: Offence | undefined, { commons, measures, log }: ConnectionParts): void {
  if (offence === undefined) return
  measures.penalised(offence)
  commons.punish(ip, offence).then(
    (isRefused) => isRefused && log.debug({ source: ip, offence }, 'a source is penalised'),
    (fault: Error) => log.warn(faultFields(fault), 'a source could not be penalised'),
  )
}

/** Why somebody was refused; undefined: they were let in. */
async function authenticateAndCarry(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'> & { readonly source: Peer },
  parts: ConnectionParts,
  log: Log,
  conduct: Conduct,
  { admitted }: Entry,
): Promise<GatewayError | undefined> {
  using grace = new Grace(client.leg, parts.settings)
  const sessionId = randomUUID()
  using door = new ConnectionDoor(sessionId, grace, parts)
  const { authentication } = parts.settings
  const outcome = await authenticate(conduct.ofClient(client), connection, conduct.ofDoor(door), authentication)
  if (outcome.outcome === 'refused') {
    logEnd(log, outcome.fault, 'refused')
    return outcome.fault
  }
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
      void serveArrival(byJump(channel, to, outer, parts), partsOfJump(to, outer, parts), entryOfJump)
    await visit(client.leg, { ...admission.caller, identity, visiting }, { ...parts, log }, enter)
    return undefined
  }
  if (registered === undefined) throw new GatewayError('INTERNAL', 'let in, and nobody knows who')
  const denied = await live(client.leg, admission, { identity, registered }, { ...parts, log }, () => {
    if (admission.banner !== '') client.leg.banner(printableLines(admission.banner))
    letIn()
    door.letGo() // it is the session's
  })
  if (denied === undefined) return undefined
  turnAway(denied.refusal, denied.fault)
  logEnd(log, denied.fault, 'refused')
  return undefined // known, and let in but for what changed meanwhile
}

async function authenticate(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
  door: Door,
  settings: AuthenticationSettings,
): Promise<Outcome> {
  return await new Authentication(client, door, settings, { ...connection, kex: await client.kex }).run()
}

/** Undefined: it left, or was cut, before it had said who it is. */
async function greet(arrival: Arrival, parts: ConnectionParts): Promise<Client | undefined> {
  const { wire, within, log } = arrival
  let offence: Offence = 'noauth'
  const timer = setTimeout(() => {
    offence = 'grace-exceeded'
    wire.destroy()
  }, parts.settings.identWait)
  try {
    const certificate = await arrival.certificate()
    if (wire.destroyed) return undefined
    const client = await parts.ssh.handshake(wire, certificate)
    const { leg } = client
    within?.addEventListener('abort', () => leg.cut(within.reason as GatewayError), { signal: leg.signal })
    return client
  } catch (thrown) {
    // No client of ours speaks before it says that it speaks SSH.
    if (offence === 'noauth' && arrival.hasSpoken()) offence = 'crash'
    penalise(arrival.source, offence, parts)
    log.debug(faultFields(thrown as Error), 'left before its identification line')
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
