import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Address } from '../model/address.ts'
import type { PolicyConnection, PolicyIdentity } from '../model/context.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { faultFields, type Log, logEnd } from '../model/log.ts'
import type { Session } from '../model/session-event.ts'
import { printableLines } from '../model/text.ts'
import type { Clock, Milliseconds } from '../model/units.ts'
import type { Client, SshServer } from '../ssh/server.ts'
import type { Admitted } from './admit.ts'
import { Authentication, type AuthenticationSettings, type Outcome } from './authentication.ts'
import { Chronicle, certificateOf, type History } from './chronicle.ts'
import { ConnectionDoor, type DoorParts } from './door.ts'
import { Grace, type GraceLimits } from './grace.ts'
import { Life } from './life.ts'
import type { Measures } from './measures.ts'
import type { RelaySettings } from './relay.ts'
import type { RenewalParts } from './renewals.ts'
import { carry } from './session.ts'
import type { Registered } from './sessions.ts'
import { settle } from './settle.ts'
import { refusal } from './words.ts'

export interface ConnectionSettings extends GraceLimits {
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

export interface ConnectionParts extends DoorParts, RenewalParts {
  readonly ssh: SshServer
  readonly hostCertificates: HostCertificates
  readonly settings: ConnectionSettings
  readonly history: History
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
  using grace = new Grace(client.leg, parts.settings)
  const sessionId = randomUUID()
  using door = new ConnectionDoor(sessionId, grace, parts)
  const outcome = await authenticate(client, connection, door, parts.settings.authentication)
  if (outcome.outcome === 'refused') return logEnd(log, outcome.fault, 'refused')
  const { admission, identity, accept, turnAway } = outcome
  const { certificate, target, banner } = admission
  const { registered } = door
  if (registered === undefined) throw new GatewayError('INTERNAL', 'let in, and nobody knows who')
  const life = new Life(admission, parts.clock(), () => registered.others, parts.steps)
  const letIn = (): void => {
    grace[Symbol.dispose]()
    if (banner !== '') client.leg.banner(printableLines(banner))
    accept()
    admitted()
  }
  const denied = await settle(life, registered, AbortSignal.any([client.leg.signal, target.signal]), letIn)
  if (denied !== undefined) {
    const { fault } = denied
    target.cut(fault)
    turnAway(denied.refusal ?? refusal(fault.code, admission.knock.asked), fault)
    return logEnd(log, fault, 'refused')
  }
  const who = {
    session: sessionId,
    user: identity.username,
    key_id: certificate.keyId,
    serial: `${certificate.serial}`,
  }
  const session = sessionOf(admission, identity, registered, life)
  const chronicle = new Chronicle(session, parts.history, parts.measures, log.child(who))
  await carry(client.leg, target, life, { ...parts, relay: parts.settings.relay, registered, session, chronicle })
}

function sessionOf(admission: Admitted, identity: PolicyIdentity, { loginId }: Registered, life: Life): Session {
  const { asked, connection, sessionId } = admission.knock
  const { issuer, subject, username } = identity
  return {
    id: sessionId,
    person: { issuer, subject, username },
    route: asked.route,
    login: asked.login,
    source: connection.source,
    ...(loginId === undefined ? {} : { login_id: loginId }),
    started_at: life.startedAt,
    certificate: certificateOf(life.certificate),
    decision_id: admission.decisionId,
  }
}

async function authenticate(
  client: Client,
  connection: Omit<PolicyConnection, 'kex'>,
  door: ConnectionDoor,
  settings: AuthenticationSettings,
): Promise<Outcome> {
  return await new Authentication(client, door, settings, { ...connection, kex: await client.kex }).run()
}

async function greet(socket: Socket, parts: ConnectionParts): Promise<Client | undefined> {
  const { ssh, hostCertificates, settings, log } = parts
  const timer = setTimeout(() => socket.destroy(), settings.identWait)
  try {
    const certificate = await hostCertificates.ofGateway()
    if (socket.destroyed) return undefined
    return await ssh.handshake(socket, certificate)
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
