import { once } from 'node:events'
import type { PolicyIdentity } from '../../model/context.ts'
import { GatewayError } from '../../model/errors.ts'
import { logEnd } from '../../model/log.ts'
import type { Milliseconds } from '../../model/units.ts'
import { Endpoint, type Opening } from '../../ssh/endpoint.ts'
import type { Leg } from '../../ssh/leg.ts'
import { type ChannelOpen, openFailureReason, readForward } from '../../ssh/messages.ts'
import { disconnectReason } from '../../ssh/transport-messages.ts'
import type { Caller } from '../authentication.ts'
import type { LiveParts } from '../let-in.ts'
import type { AskedHere, LoginCase } from '../names.ts'
import type { RelaySettings } from '../relay.ts'
import type { Visiting } from '../sessions.ts'
import { refusal } from '../words.ts'
import type { HereParts } from './here.ts'
import { type Jumps, jump } from './jump.ts'
import { program } from './program.ts'

/** Somebody whose connection ends at the gateway: signed in, and nothing is opened to them yet. */
export interface Visitor extends Arrived {
  /** Ends the login that this visit rests on, and the visit too, once what is said of it has had time to arrive. */
  logout(): Promise<void>
}
export interface Arrived extends Caller<AskedHere> {
  readonly identity: PolicyIdentity
  readonly visiting: Visiting
}
export interface VisitSettings {
  /** For `gateway.name`, as people read it. */
  readonly gateway: string
  /** A visitor of whom nothing was heard for so long is cut, unless a jump is open. */
  readonly visitIdle: Milliseconds
  readonly relay: RelaySettings
  /** Open at once on one connection. */
  readonly jumps: number
  readonly loginCase: LoginCase
}
/** One visit: the connection, how it ends here, and whose it is. */
export interface Visit {
  readonly leg: Leg
  readonly endpoint: Endpoint
  readonly visitor: Visitor
  /** A route was chosen: no other channel is opened until it is known what comes of it. */
  isChoosing: boolean
}
export interface VisitParts extends HereParts, LiveParts {
  readonly settings: VisitSettings
}

/**
 * A connection without a route: menu, built-in commands, jumps. It ends when the client leaves, when nothing is heard any
 * more, and with what it rests on: a login that is revoked, a robot's key whose time is over.
 */
export async function visit(leg: Leg, arrived: Arrived, parts: VisitParts, enter: Jumps['enter']): Promise<void> {
  const { settings, log } = parts
  const user = arrived.identity.username
  log.info({ user }, 'came to the gateway itself')
  let patience = 0
  const cut = (why: GatewayError): void => {
    const say = (): void => leg.disconnect(disconnectReason.byApplication, refusal(why.code).lines[0], why)
    if (patience === 0) say()
    else setTimeout(say, patience)
  }
  const visitor: Visitor = {
    ...arrived,
    async logout() {
      patience = farewell
      const { loginId } = arrived.visiting
      if (loginId !== undefined) await parts.here.revoke(loginId)
    },
  }
  const jumps: Jumps = {
    get open() {
      return jumpsOf(endpoint)
    },
    most: settings.jumps,
    enter,
  }
  const endpoint: Endpoint = new Endpoint(leg, settings.relay.channels, (open) => answer(open, here, parts, jumps))
  const here: Visit = { leg, endpoint, visitor, isChoosing: false }
  arrived.visiting.received(cut)
  using _ends = endsOf(endpoint, visitor, parts, cut)
  if (!leg.signal.aborted) await once(leg.signal, 'abort')
  logEnd(log.child({ user }), leg.signal.reason as GatewayError, 'left the gateway itself')
}

/** Milliseconds that a client has to hear that it is signed out. */
const farewell = 500

/** Programs at once, as sshd's MaxSessions: what one has said waits in memory for its reader. */
const programsMost = 10

const openOf = ({ channels }: Endpoint, kind: 'session' | 'direct-tcpip'): number =>
  channels.filter(({ type }) => type === kind).length
const jumpsOf = (endpoint: Endpoint): number => openOf(endpoint, 'direct-tcpip')

function answer(open: ChannelOpen, visit: Visit, parts: VisitParts, jumps: Jumps): Opening {
  if (visit.isChoosing)
    return { outcome: 'refused', reason: openFailureReason.prohibited, text: 'a route is being opened: try again' }
  switch (open.type) {
    case 'session':
      return openOf(visit.endpoint, 'session') < programsMost
        ? program(visit, parts)
        : { outcome: 'refused', reason: openFailureReason.resourceShortage, text: 'too many programs' }
    case 'direct-tcpip':
      return jump(readForward(open.details), jumps)
    default:
      return { outcome: 'refused', reason: openFailureReason.prohibited, text: 'not on a connection without a route' }
  }
}

/** How often it is looked whether something was heard. */
const lookEvery = 1_000
/** The longest time that a timer of Node's takes. */
const timerMost = 2_147_483_647

function endsOf(
  endpoint: Endpoint,
  { identity }: Visitor,
  { settings: { visitIdle }, clock }: VisitParts,
  cut: (why: GatewayError) => void,
): Disposable {
  let heard = -1
  let last = performance.now()
  const look = (): void => {
    const now = performance.now()
    if (endpoint.isLetGo) return clearInterval(looking)
    if (jumpsOf(endpoint) > 0 || endpoint.heard !== heard) last = now
    heard = endpoint.heard
    if (now - last >= visitIdle) cut(new GatewayError('IDLE_TIMEOUT', `nothing heard for ${visitIdle / 1000} seconds`))
  }
  const looking = setInterval(look, Math.min(lookEvery, visitIdle / 4))
  const left = Math.min(timerMost, Math.max(0, (identity.expires_at - clock()) * 1000))
  const over =
    identity.kind === 'robot'
      ? setTimeout(() => cut(new GatewayError('ROBOT_EXPIRED', 'the robot’s key has expired')), left)
      : undefined
  return {
    [Symbol.dispose]() {
      clearInterval(looking)
      clearTimeout(over)
    },
  }
}
