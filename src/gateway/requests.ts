import type { Ask } from '../model/channel.ts'
import {
  type ChannelOpen,
  type ChannelRequest,
  type GlobalRequest,
  readBytes,
  readForward,
  readListener,
  readOnlyBytes,
} from '../ssh/messages.ts'
import type { Forwards } from './forwards.ts'

/**
 * The closed tables of what may be asked on a connection, by name: who may ask it, what the certificate is asked for it,
 * and what follows when it is granted. What stands in none of them is refused.
 *
 * Names: RFC 4254; RFC 4335 (break); those of @openssh.com: OpenSSH's PROTOCOL.
 */
export interface Row<Message> {
  /**
   * `pass`: it opens nothing, and needs no permit. `keep`: it stays here, and that is nothing to remark on. `never`: whatever
   * a certificate says. `awaited`: if a request of the client's was granted that leads to it (forwards.ts).
   */
  readonly ask: (message: Message) => Ask | 'pass' | 'keep' | 'never' | 'awaited'
  /** The target has granted it; with the reply, when one was wanted. */
  readonly granted?: (forwards: Forwards, message: Message, reply: Buffer | undefined) => void
  /** The channel stays open by it: a narrower certificate is asked again. */
  readonly stands?: true
  /** The target listens for the client from then on. */
  readonly listens?: true
  /** It says how a program ended. */
  readonly ends?: true
  /** It runs a program: refused, the person is told on their terminal. */
  readonly runs?: true
}
type Table<Message> = Readonly<Record<string, Row<Message>>>

const pass = { ask: () => 'pass' as const }
const keep = { ask: () => 'keep' as const }
const never = { ask: () => 'never' as const }
const awaited = { ask: () => 'awaited' as const }
const flag = (kind: 'pty' | 'agent' | 'x11' | 'shell') => ({ ask: (): Ask => ({ kind }) })

/** Channels that a client may open. Sessions are counted where the channels are known. */
export const clientOpens: Table<ChannelOpen & { readonly openSessions: number }> = {
  'session': { ask: ({ openSessions }) => ({ kind: 'session', openSessions }) },
  'direct-tcpip': { ask: ({ details }) => ({ kind: 'direct-tcpip', ...readForward(details) }) },
  'direct-streamlocal@openssh.com': {
    ask: ({ details }) => ({ kind: 'direct-streamlocal', path: readBytes(details) }),
  },
  // Whole packets or frames of a network, in which no certificate names anything.
  'tun@openssh.com': never,
}

/** Channels that a target may open, each by what the client was granted. */
export const targetOpens: Table<ChannelOpen> = {
  'forwarded-tcpip': awaited,
  'forwarded-streamlocal@openssh.com': awaited,
  'x11': awaited,
  'auth-agent@openssh.com': awaited,
}

export const clientRequests: Table<ChannelRequest> = {
  'pty-req': { ...flag('pty'), stands: true },
  'window-change': flag('pty'),
  'x11-req': { ...flag('x11'), granted: (forwards) => forwards.flag('x11') },
  'auth-agent-req@openssh.com': { ...flag('agent'), granted: (forwards) => forwards.flag('agent') },
  'env': { ask: ({ details }) => ({ kind: 'env', name: readBytes(details) }) },
  'shell': { ...flag('shell'), stands: true, runs: true },
  'exec': { ask: ({ details }) => ({ kind: 'exec', command: readOnlyBytes(details) }), stands: true, runs: true },
  'subsystem': {
    ask: ({ details }) => ({ kind: 'subsystem', name: readOnlyBytes(details) }),
    stands: true,
    runs: true,
  },
  'signal': pass,
  'break': pass,
  'eow@openssh.com': pass,
  'keepalive@openssh.com': pass,
}

export const targetRequests: Table<ChannelRequest> = {
  'exit-status': { ...pass, ends: true },
  'exit-signal': { ...pass, ends: true },
  'xon-xoff': pass,
  'eow@openssh.com': pass,
  'keepalive@openssh.com': pass,
}

/** To take back what was granted needs no permit. */
export const clientGlobals: Table<GlobalRequest> = {
  'tcpip-forward': {
    ask: ({ details }) => ({ kind: 'tcpip-forward', ...readListener(details) }),
    granted: (forwards, request, reply) => forwards.listens(request, reply),
    listens: true,
  },
  'cancel-tcpip-forward': {
    ask: ({ details }) => {
      readListener(details)
      return 'pass'
    },
    granted: (forwards, request) => forwards.cancels(request),
  },
  'streamlocal-forward@openssh.com': {
    ask: ({ details }) => ({ kind: 'streamlocal-forward', path: readOnlyBytes(details) }),
    granted: (forwards, request) => forwards.listensOn(request),
    listens: true,
  },
  'cancel-streamlocal-forward@openssh.com': {
    ask: ({ details }) => {
      readOnlyBytes(details)
      return 'pass'
    },
    granted: (forwards, request) => forwards.cancelsOn(request),
  },
  'no-more-sessions@openssh.com': { ...pass, granted: (forwards) => forwards.noMoreSessions() },
  'keepalive@openssh.com': pass,
  // It would have the target prove keys that the client takes for ours.
  'hostkeys-prove-00@openssh.com': keep,
}

export const targetGlobals: Table<GlobalRequest> = {
  // It names the target's keys, and the client would keep them as ours.
  'hostkeys-00@openssh.com': keep,
  'keepalive@openssh.com': pass,
}

/** Requests of RFC 4254 section 6 belong to sessions; on other channels only OpenSSH's two of no effect are known. */
const onAnyChannel: ReadonlySet<string> = new Set(['eow@openssh.com', 'keepalive@openssh.com'])

export function rowOf<Message>(table: Table<Message>, name: string, channelType = 'session'): Row<Message> | undefined {
  const known = Object.hasOwn(table, name) && (channelType === 'session' || onAnyChannel.has(name))
  return known ? table[name] : undefined
}
