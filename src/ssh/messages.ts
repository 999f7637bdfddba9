import { GatewayError } from '../model/errors.ts'
import { type ByteString, byteString } from '../model/glob.ts'
import { WireReader, wire } from '../model/wire.ts'

/** Message numbers of the connection protocol (RFC 4254 section 9). */
export const MSG = {
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const

/** RFC 4254 section 5.1. */
export const openFailureReason = { prohibited: 1, connectFailed: 2, unknownType: 3, resourceShortage: 4 } as const
/** SSH_EXTENDED_DATA_STDERR (RFC 4254 section 5.2). */
const stderr = 1

export interface GlobalRequest {
  readonly name: string
  readonly wantReply: boolean
  readonly details: Buffer
}
export interface ChannelOpen {
  readonly type: string
  readonly sender: number
  readonly window: number
  readonly packetMost: number
  readonly details: Buffer
}
export interface ChannelRequest {
  readonly recipient: number
  readonly name: string
  readonly wantReply: boolean
  readonly details: Buffer
}

/*
 * Readers. Each takes a whole message whose number is known, and throws WIRE_MALFORMED for one that is cut short or has
 * something left over.
 */

const after = (message: Buffer): WireReader => new WireReader(message, 1)

/** A uint32 on the wire; whoever keeps 16 bits of a larger one takes it for another port. */
function readPort(reader: WireReader): number {
  const port = reader.uint32()
  if (port > 65_535) throw new GatewayError('WIRE_MALFORMED', `port ${port}`)
  return port
}

export function readGlobalRequest(message: Buffer): GlobalRequest {
  const reader = after(message)
  return { name: reader.ascii(), wantReply: reader.boolean(), details: reader.rest() }
}

export function readChannelOpen(message: Buffer): ChannelOpen {
  const reader = after(message)
  return {
    type: reader.ascii(),
    sender: reader.uint32(),
    window: reader.uint32(),
    packetMost: reader.uint32(),
    details: reader.rest(),
  }
}

export function readOpenConfirmation(message: Buffer) {
  const reader = after(message)
  // What may follow belongs to channel types of others' invention.
  return { recipient: reader.uint32(), sender: reader.uint32(), window: reader.uint32(), packetMost: reader.uint32() }
}

export function readOpenFailure(message: Buffer) {
  const reader = after(message)
  return { recipient: reader.uint32(), reason: reader.uint32(), text: reader.string().toString('utf8') }
}

export function readWindowAdjust(message: Buffer) {
  const reader = after(message)
  const adjust = { recipient: reader.uint32(), bytes: reader.uint32() }
  reader.end()
  return adjust
}

/** Of CHANNEL_DATA and CHANNEL_EXTENDED_DATA: to which channel, and how many bytes of its window they take. */
export function readData(message: Buffer): { readonly recipient: number; readonly length: number } {
  const header = message[0] === MSG.channelData ? 9 : 13
  const reader = after(message)
  const recipient = reader.uint32()
  if (header === 13) reader.uint32()
  const length = reader.uint32()
  if (message.length !== header + length)
    throw new GatewayError('WIRE_MALFORMED', 'data of another length than it says')
  return { recipient, length }
}

/** The payload of a CHANNEL_DATA that `readData` took. */
export const dataOf = (message: Buffer): Buffer => message.subarray(9)

/** Of CHANNEL_EOF, _CLOSE, _SUCCESS and _FAILURE. */
export function readRecipient(message: Buffer): number {
  const reader = after(message)
  const recipient = reader.uint32()
  reader.end()
  return recipient
}

export function readChannelRequest(message: Buffer): ChannelRequest {
  const reader = after(message)
  return { recipient: reader.uint32(), name: reader.ascii(), wantReply: reader.boolean(), details: reader.rest() }
}

/** `tcpip-forward` and its cancellation (RFC 4254 section 7.1). */
export function readListener(details: Buffer): { readonly host: string; readonly port: number } {
  const reader = new WireReader(details)
  const listener = { host: reader.ascii(), port: readPort(reader) }
  reader.end()
  return listener
}

/** `direct-tcpip` and `forwarded-tcpip` (RFC 4254 section 7.2); the originator's address is passed over. */
export function readForward(details: Buffer): { readonly host: string; readonly port: number } {
  const reader = new WireReader(details)
  const forward = { host: reader.ascii(), port: readPort(reader) }
  reader.string()
  reader.uint32()
  reader.end()
  return forward
}

/** Socket paths, commands and names of variables: a string of any bytes at the head of the details. */
export const readBytes = (details: Buffer): ByteString => byteString(new WireReader(details).string())

/** A string that must be all there is. */
export function readOnlyBytes(details: Buffer): ByteString {
  const reader = new WireReader(details)
  const bytes = byteString(reader.string())
  reader.end()
  return bytes
}

/** `pty-req` and `window-change` (RFC 4254 sections 6.2, 6.7): the terminal's type, when told, and its size in characters. */
export function readTerminal({ name, details }: Pick<ChannelRequest, 'name' | 'details'>) {
  const reader = new WireReader(details)
  const type = name === 'pty-req' ? reader.ascii() : undefined
  return { ...(type === undefined ? {} : { type }), columns: reader.uint32(), rows: reader.uint32() }
}

/** `env` (RFC 4254 section 6.4). */
export function readVariable(details: Buffer): { readonly name: ByteString; readonly value: ByteString } {
  const reader = new WireReader(details)
  const variable = { name: byteString(reader.string()), value: byteString(reader.string()) }
  reader.end()
  return variable
}

/** `exit-status` and `exit-signal` (RFC 4254 section 6.10). */
export function readExit({ name, details }: ChannelRequest): { readonly status: number } | { readonly signal: string } {
  const reader = new WireReader(details)
  return name === 'exit-status' ? { status: reader.uint32() } : { signal: reader.ascii().slice(0, 60) }
}

/** The port that the target chose, in the reply to a `tcpip-forward` that left it the choice (RFC 4254 section 7.1). */
export const readChosenPort = (reply: Buffer): number => readPort(after(reply))

/* Writers. */

/** Of `tcpip-forward` and its cancellation. */
export const listenerDetails = (host: string, port: number): Buffer => wire(host, { uint32: port })
/** A GLOBAL_REQUEST or CHANNEL_REQUEST that wants no reply. */
export const globalRequest = (name: string, details: Buffer): Buffer =>
  wire(MSG.globalRequest, name, { boolean: false }, { raw: details })
export const setEnvironment = (recipient: number, name: string, value: string): Buffer =>
  wire(MSG.channelRequest, { uint32: recipient }, 'env', { boolean: false }, name, value)
export const openConfirmation = (recipient: number, sender: number, window: number, packetMost: number): Buffer =>
  wire(
    MSG.channelOpenConfirmation,
    { uint32: recipient },
    { uint32: sender },
    { uint32: window },
    { uint32: packetMost },
  )
export const channelData = (recipient: number, data: Buffer): Buffer =>
  wire(MSG.channelData, { uint32: recipient }, data)
export const exitStatus = (recipient: number, status: number): Buffer =>
  wire(MSG.channelRequest, { uint32: recipient }, 'exit-status', { boolean: false }, { uint32: status })
export const channelEof = (recipient: number): Buffer => wire(MSG.channelEof, { uint32: recipient })
export const channelSuccess = (recipient: number): Buffer => wire(MSG.channelSuccess, { uint32: recipient })
export const channelClose = (recipient: number): Buffer => wire(MSG.channelClose, { uint32: recipient })
export const requestFailure = (): Buffer => wire(MSG.requestFailure)
export const channelFailure = (recipient: number): Buffer => wire(MSG.channelFailure, { uint32: recipient })
export const openFailure = (recipient: number, reason: number, text: string): Buffer =>
  wire(MSG.channelOpenFailure, { uint32: recipient }, { uint32: reason }, text, '')
export const windowAdjust = (recipient: number, bytes: number): Buffer =>
  wire(MSG.channelWindowAdjust, { uint32: recipient }, { uint32: bytes })
export const stderrData = (recipient: number, text: Buffer): Buffer =>
  wire(MSG.channelExtendedData, { uint32: recipient }, { uint32: stderr }, text)

export const sessionOpen = (sender: number, window: number, packetMost: number): Buffer =>
  wire(MSG.channelOpen, 'session', { uint32: sender }, { uint32: window }, { uint32: packetMost })
export const channelRequest = (recipient: number, name: string, wantReply: boolean, details: Buffer): Buffer =>
  wire(MSG.channelRequest, { uint32: recipient }, name, { boolean: wantReply }, { raw: details })

/** The same CHANNEL_OPEN with another window and packet size. */
export const withWindow = (open: ChannelOpen, window: number, packetMost: number): Buffer =>
  wire(
    MSG.channelOpen,
    open.type,
    { uint32: open.sender },
    { uint32: window },
    { uint32: packetMost },
    { raw: open.details },
  )

/** The same CHANNEL_OPEN_CONFIRMATION with another window and packet size. */
export function withLimits(message: Buffer, window: number, packetMost: number): Buffer {
  const changed = Buffer.from(message)
  changed.writeUInt32BE(window, 9)
  changed.writeUInt32BE(packetMost, 13)
  return changed
}
