import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { PolicyConnection } from '../model/context.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd } from '../model/log.ts'
import { printableLines } from '../model/text.ts'
import type { Clock, Milliseconds } from '../model/units.ts'
import type { Client, SshServer } from '../ssh/server.ts'
import { Authentication, type AuthenticationSettings, type Door, type Outcome } from './authentication.ts'
import type { History } from './chronicle.ts'
import { Conduct } from './conduct.ts'
import { ConnectionDoor, type DoorParts } from './door.ts'
import { Grace, type GraceLimits } from './grace.ts'
import { type LiveParts, live } from './let-in.ts'
import type { Measures } from './measures.ts'
import type { Offence } from './offences.ts'
import type { Penalties } from './penalties.ts'
import type { Place } from './places.ts'
import type { Peer } from './proxy-protocol.ts'
import type { RelaySettings } from './relay.ts'
import { type VisitParts, type VisitSettings, visit } from './visit/visit.ts'

export interface ConnectionSettings extends GraceLimits, VisitSettings {
  /** `gateway.name`, for the policy. */
  readonly gateway: string
  /** For the identification line. */
  readonly identWait: Milliseconds
  readonly authentication: AuthenticationSettings
  readonly relay: RelaySettings
}

export interface ConnectionParts extends DoorParts, LiveParts, VisitParts {
  readonly ssh: SshServer
  readonly settings: ConnectionSettings
  readonly penalties: Penalties
  readonly history: History
  readonly measures: Measures
  readonly log: Log
  readonly clock: Clock
}

/** What the listener and a connection owe each other. */
export interface Entry {
  /** Until it is let in. */
  readonly place: Place
  admitted(): void
  /** How a fault that nothing caught ends it. */
  endBy(end: (fault: GatewayError) => void): void
}

/** One client, from its TCP connection to its end. Never rejects. */
export async function serve(socket: Socket, peer: Peer, parts: ConnectionParts, entry: Entry): Promise<void> {
  const client = await greet(socket, peer, parts)
  if (client === undefined) return
  entry.endBy((fault) => client.leg.cut(fault))
  const id = randomUUID()
  const log = parts.log.child({ connection: id, source: peer.ip, client: client.version })
  const conduct = new Conduct(entry.place)
  const connection = { id, source: peer, gateway: parts.settings.gateway, client_version: client.version, jump: false }
  try {
    const refused = await authenticateAndCarry(client, connection, parts, log, conduct, entry)
    if (refused !== undefined) penalise(peer, conduct.offence(refused), parts)
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    penalise(peer, conduct.offence(fault), parts)
    logEnd(log, fault, 'connection ended')
    client.leg.cut(fault)
  }
}

function penalise({ ip }: Peer, offence: Offence | undefined, { penalties, measures, log }: ConnectionParts): void {
  if (offence === undefined) return
  measures.penalised(offence)
  if (penalties.punish(ip, offence, performance.now() as Milliseconds))
    log.debug({ source: ip, offence }, 'a source is penalised')
}

/** Why somebody was refused; undefined: they were let in. */
async function authenticateAndCarry(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
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
    await visit(client.leg, { ...admission.caller, identity, visiting }, { ...parts, log })
    return undefined
  }
  if (registered === undefined) throw new GatewayError('INTERNAL', 'let in, and nobody knows who')
  const denied = await live(client.leg, admission, { identity, registered }, { ...parts, log }, () => {
    if (admission.banner !== '') client.leg.banner(printableLines(admission.banner))
    letIn()
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
async function greet(socket: Socket, peer: Peer, parts: ConnectionParts): Promise<Client | undefined> {
  const { ssh, settings, log } = parts
  const before = socket.bytesRead - socket.readableLength // what a proxy's header left there has come already
  let offence: Offence = 'noauth'
  const timer = setTimeout(() => {
    offence = 'grace-exceeded'
    socket.destroy()
  }, settings.identWait)
  try {
    return await ssh.handshake(socket)
  } catch (thrown) {
    // No client of ours speaks before it says that it speaks SSH.
    if (offence === 'noauth' && socket.bytesRead > before) offence = 'crash'
    penalise(peer, offence, parts)
    log.debug(faultFields(thrown as Error), 'left before its identification line')
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
