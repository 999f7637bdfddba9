import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Address } from '../model/address.ts'
import type { PolicyConnection } from '../model/context.ts'
import { asGatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd } from '../model/log.ts'
import { printableLines } from '../model/text.ts'
import type { Clock, Milliseconds } from '../model/units.ts'
import type { Client, SshServer } from '../ssh/server.ts'
import { Authentication, type AuthenticationSettings, type Outcome } from './authentication.ts'
import { ConnectionDoor, type DoorParts } from './door.ts'
import { Grace, type GraceLimits } from './grace.ts'
import type { Measures } from './measures.ts'
import type { RelaySettings } from './relay.ts'
import { carry } from './session.ts'

export interface ConnectionSettings extends GraceLimits {
  /** `gateway.name`, for the policy. */
  readonly gateway: string
  /** For the identification line. */
  readonly identWait: Milliseconds
  readonly authentication: AuthenticationSettings
  readonly relay: RelaySettings
}

export interface ConnectionParts extends DoorParts {
  readonly ssh: SshServer
  readonly settings: ConnectionSettings
  readonly measures: Measures
  readonly log: Log
  readonly clock: Clock
}

/** One client, from its TCP connection to its end. Never rejects. `admitted` is called once it is let in. */
export async function serve(
  socket: Socket,
  source: Address,
  parts: ConnectionParts,
  admitted: () => void,
): Promise<void> {
  const client = await greet(socket, parts)
  if (client === undefined) return
  const id = randomUUID()
  const log = parts.log.child({ connection: id, source, client: client.version })
  try {
    const connection = { ...describe(socket, source, client, parts.settings), id }
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
  const grace = new Grace(client.leg, parts.settings)
  const sessionId = randomUUID()
  using door = new ConnectionDoor(sessionId, grace, parts)
  const outcome = await authenticate(client, connection, door, grace, parts.settings.authentication)
  if (outcome.outcome === 'refused') return logEnd(log, outcome.fault, 'refused')
  const { admission, identity, accept } = outcome
  const { certificate, target, banner } = admission
  if (banner !== '') client.leg.banner(printableLines(banner))
  accept()
  admitted()
  const who = {
    session: sessionId,
    user: identity.username,
    key_id: certificate.keyId,
    serial: `${certificate.serial}`,
  }
  const { relay } = parts.settings
  await carry(client.leg, target, certificate, door.registered, {
    relay,
    clock: parts.clock,
    measures: parts.measures,
    log: log.child(who),
  })
}

/** What ends it ends the grace as well. */
async function authenticate(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
  door: ConnectionDoor,
  grace: Grace,
  settings: AuthenticationSettings,
): Promise<Outcome> {
  using _until = grace
  return await new Authentication(client, door, settings, { ...connection, kex: await client.kex }).run()
}

async function greet(socket: Socket, { ssh, settings, log }: ConnectionParts): Promise<Client | undefined> {
  const timer = setTimeout(() => socket.destroy(), settings.identWait)
  try {
    return await ssh.handshake(socket)
  } catch (thrown) {
    log.debug(faultFields(thrown as Error), 'left before its identification line')
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

function describe(socket: Socket, source: Address, client: Client, { gateway }: ConnectionSettings) {
  const { remotePort = 0 } = socket
  return { source: { ip: source, port: remotePort }, gateway, client_version: client.version, jump: false }
}
