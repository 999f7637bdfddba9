import { parseAddress } from '../../model/address.ts'
import type { ChannelEnd } from '../../ssh/channel-end.ts'
import type { Opening } from '../../ssh/endpoint.ts'
import { openFailureReason } from '../../ssh/messages.ts'
import { isRouteName } from '../names.ts'

/** Where a `direct-tcpip` channel of a connection without a route leads (RFC 4254 section 7.2). */
export interface Destination {
  readonly host: string
  readonly port: number
}
/** What a jump takes. */
export interface Jumps {
  /** Open on this connection now, and at most. */
  readonly open: number
  readonly most: number
  /** Serves the connection that comes inside the channel. */
  enter(channel: ChannelEnd, to: Destination): void
}

/** OpenSSH's own (channels.h: CHAN_TCP_WINDOW_DEFAULT, CHAN_TCP_PACKET_DEFAULT). */
const windows = { window: 64 * 32_768, packetMost: 32_768 }

/**
 * `ssh -J`: nothing is connected to. What comes in the channel is a connection to the gateway again, for the route that is
 * named. Every name is answered alike, a route's or not: that, and what port a route has, is said to whoever may know it,
 * once they have shown inside who they are.
 */
export function jump(to: Destination, jumps: Jumps): Opening {
  if (!isRouteName(to.host) || parseAddress(to.host) !== undefined)
    return refused(openFailureReason.prohibited, 'a jump leads to a route of this gateway, by its name')
  if (jumps.open >= jumps.most) return refused(openFailureReason.resourceShortage, 'too many jumps')
  return { outcome: 'taken', ...windows, begin: (channel) => jumps.enter(channel, to) }
}

const refused = (reason: number, text: string): Opening => ({ outcome: 'refused', reason, text })
