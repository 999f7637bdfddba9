import type { Ask } from '../model/channel.ts'
import {
  type ChannelOpen,
  type ChannelRequest,
  type GlobalRequest,
  readBytes,
  readForward,
  readListener,
  readOnlyBytes,
} from './messages.ts'

/**
 * The closed tables of what may be asked on a connection, by name: who may ask it, and what the certificate is asked for
 * it. What stands in none of them is refused. `pass` goes through as it is.
 *
 * Names: RFC 4254; RFC 4335 (break); those of @openssh.com: OpenSSH's PROTOCOL.
 */
export type Rule<Message> = (message: Message) => Ask | 'pass'
type Table<Message> = Readonly<Record<string, Rule<Message>>>

const pass = (): 'pass' => 'pass'
const ask = (kind: 'pty' | 'agent' | 'x11' | 'shell') => (): Ask => ({ kind })

/** Channels that a client may open. `session` is counted where the channels are known. Never `tun@openssh.com`. */
export const clientOpens: Table<ChannelOpen & { readonly sessions: number }> = {
  'session': ({ sessions }) => ({ kind: 'session', open: sessions }),
  'direct-tcpip': ({ details }) => ({ kind: 'direct-tcpip', ...readForward(details) }),
  'direct-streamlocal@openssh.com': ({ details }) => ({ kind: 'direct-streamlocal', path: readBytes(details) }),
}

/** Channels that a target may open, each only when the client has asked for what it belongs to (see forwards.ts). */
export const targetOpens = [
  'forwarded-tcpip',
  'forwarded-streamlocal@openssh.com',
  'x11',
  'auth-agent@openssh.com',
] as const
export type TargetOpen = (typeof targetOpens)[number]

export const clientRequests: Table<ChannelRequest> = {
  'pty-req': ask('pty'),
  'window-change': ask('pty'),
  'x11-req': ask('x11'),
  'auth-agent-req@openssh.com': ask('agent'),
  'env': ({ details }) => ({ kind: 'env', name: readBytes(details) }),
  'shell': ask('shell'),
  'exec': ({ details }) => ({ kind: 'exec', command: readOnlyBytes(details) }),
  'subsystem': ({ details }) => ({ kind: 'subsystem', name: readOnlyBytes(details) }),
  'signal': pass,
  'break': pass,
  'eow@openssh.com': pass,
  'keepalive@openssh.com': pass,
}

export const targetRequests: Table<ChannelRequest> = {
  'exit-status': pass,
  'exit-signal': pass,
  'xon-xoff': pass,
  'eow@openssh.com': pass,
  'keepalive@openssh.com': pass,
}

export const clientGlobals: Table<GlobalRequest> = {
  'tcpip-forward': ({ details }) => ({ kind: 'tcpip-forward', ...readListener(details) }),
  'streamlocal-forward@openssh.com': ({ details }) => ({ kind: 'streamlocal-forward', path: readOnlyBytes(details) }),
  // To take back what was granted needs no permit.
  'cancel-tcpip-forward': pass,
  'cancel-streamlocal-forward@openssh.com': pass,
  'no-more-sessions@openssh.com': pass,
  'keepalive@openssh.com': pass,
}

/** `hostkeys-00@openssh.com` is not among them: it names the target's keys, and the client would keep them as ours. */
export const targetGlobals: Table<GlobalRequest> = {
  'keepalive@openssh.com': pass,
}

/** Requests of RFC 4254 section 6 belong to sessions; on a channel of another type only OpenSSH's two of no effect are known. */
const onAnyChannel: ReadonlySet<string> = new Set(['eow@openssh.com', 'keepalive@openssh.com'])

export function ruleOf<Message>(
  table: Table<Message>,
  name: string,
  channelType = 'session',
): Rule<Message> | undefined {
  const known = Object.hasOwn(table, name) && (channelType === 'session' || onAnyChannel.has(name))
  return known ? table[name] : undefined
}
