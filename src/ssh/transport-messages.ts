import { WireReader, wire } from '../model/wire.ts'

/** Ping and pong: OpenSSH, PROTOCOL, 1.9; clients hide the rhythm of what is typed behind them. */
export const MSG = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  kexinit: 20,
  userauthBanner: 53,
  ping: 192,
  pong: 193,
} as const

/** Reasons of RFC 4253 section 11.1 that the gateway gives. */
export const disconnectReason = {
  protocolError: 2,
  keyExchangeFailed: 3,
  hostKeyNotVerifiable: 9,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const

/** SSH_MSG_IGNORE (RFC 4253 section 11.2), of nothing. */
export const ignore: Uint8Array = wire(MSG.ignore, '')

/** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4). */
export const banner = (text: string): Uint8Array => wire(MSG.userauthBanner, text, '')

/** SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
export const disconnect = (reason: number, text: string): Uint8Array =>
  wire(MSG.disconnect, { uint32: reason }, text, '')

/** SSH_MSG_UNIMPLEMENTED (RFC 4253 section 11.4), for the packet with that number. */
export const unimplemented = (sequence: number): Uint8Array => wire(MSG.unimplemented, { uint32: sequence })

/** What answers a ping. Throws WIRE_MALFORMED. */
export const pong = (ping: Buffer): Uint8Array => wire(MSG.pong, new WireReader(ping, 1).string())
