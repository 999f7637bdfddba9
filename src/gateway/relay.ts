import type { Ask, Verdict } from '../model/channel.ts'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import type { Leg } from '../ssh/leg.ts'
import * as messages from '../ssh/messages.ts'
import { type ChannelOpen, type ChannelRequest, type GlobalRequest, MSG } from '../ssh/messages.ts'
import { Channel, type End, otherSide, packetMost, reserveOf, type Side } from './channel.ts'
import { Forwards } from './forwards.ts'
import { Replies } from './replies.ts'
import * as requests from './requests.ts'

export interface RelaySettings {
  /** Channels open or being opened at once on one connection. */
  readonly channels: number
  /** Requests of one side that may be unanswered, on a channel or on the connection. */
  readonly unanswered: number
}

/** What a certificate is asked, and what is worth a line in the log. */
export interface Judge {
  permit(ask: Ask): Verdict
  refused(what: string, refusal: Refusal): void
}
export type Refusal = Extract<Verdict, { permitted: false }>

type Pending = { readonly open: ChannelOpen; readonly end: End }

/** Environment requests on one channel that are looked at. */
const variablesMost = 64
/** A refused program's line must reach the terminal before the refusal, upon which OpenSSH leaves at once. */
const lineFirst = 100

/**
 * Carries the connection protocol (RFC 4254) between a client and its target, packet for packet, and asks the judge of
 * each that asks for something. What is refused never reaches the target; replies stay in the order of their requests;
 * whoever sends more than a window allows is cut.
 */
export function relay(client: Leg, target: Leg, judge: Judge, settings: RelaySettings): void {
  const between = new Relay({ client, target }, judge, settings)
  client.relay((message) => between.take('client', message))
  target.relay((message) => between.take('target', message))
}

class Relay {
  readonly #legs: Readonly<Record<Side, Leg>>
  readonly #judge: Judge
  readonly #settings: RelaySettings
  /** Channels that a side has asked for, by its own number. */
  readonly #pending: Readonly<Record<Side, Map<number, Pending>>> = { client: new Map(), target: new Map() }
  readonly #channels: Readonly<Record<Side, Map<number, Channel>>> = { client: new Map(), target: new Map() }
  readonly #replies: Readonly<Record<Side, Replies>>
  readonly #forwards = new Forwards()

  constructor(legs: Readonly<Record<Side, Leg>>, judge: Judge, settings: RelaySettings) {
    this.#legs = legs
    this.#judge = judge
    this.#settings = settings
    this.#replies = this.#makeReplies()
  }

  take(from: Side, message: Buffer): void {
    switch (message[0]) {
      case MSG.channelData:
      case MSG.channelExtendedData:
        return this.#data(from, message)
      case MSG.channelWindowAdjust:
        return this.#windowAdjust(from, message)
      case MSG.channelRequest:
        return this.#channelRequest(from, message)
      case MSG.channelSuccess:
      case MSG.channelFailure:
        return this.#channelReply(from, message)
      case MSG.channelEof:
        return this.#eof(from, message)
      case MSG.channelClose:
        return this.#close(from, message)
      case MSG.channelOpen:
        return this.#open(from, message)
      case MSG.channelOpenConfirmation:
        return this.#confirm(from, message)
      case MSG.channelOpenFailure:
        return this.#fail(from, message)
      case MSG.globalRequest:
        return this.#globalRequest(from, message)
      case MSG.requestSuccess:
      case MSG.requestFailure:
        return this.#globalReply(from, message)
      default:
        throw new GatewayError('PROTOCOL_ERROR', `message ${message[0]}`)
    }
  }

  #pass(from: Side, message: Uint8Array): void {
    const to = this.#legs[otherSide(from)]
    to.send(message)
    this.#legs[from].yieldTo(to)
  }

  // Data and windows

  #data(from: Side, message: Buffer): void {
    const { recipient, length } = messages.readData(message)
    this.#channel(from, recipient).sent(from, length)
    this.#pass(from, message)
  }

  #windowAdjust(from: Side, message: Buffer): void {
    const { recipient, bytes } = messages.readWindowAdjust(message)
    const channel = this.#find(from, recipient)
    if (channel === undefined) return
    const passed = channel.granted(from, bytes)
    if (passed === bytes) this.#pass(from, message)
    else if (passed > 0) this.#pass(from, messages.windowAdjust(recipient, passed))
  }

  #eof(from: Side, message: Buffer): void {
    this.#channel(from, messages.readRecipient(message)).ended(from)
    this.#pass(from, message)
  }

  #close(from: Side, message: Buffer): void {
    const channel = this.#channel(from, messages.readRecipient(message))
    if (channel.closed(from))
      for (const side of ['client', 'target'] as const) this.#channels[side].delete(channel.numbers[side])
    this.#pass(from, message)
  }

  /** A recipient is a number of the receiving side. After its own CLOSE a side has no reason to name the channel again. */
  #channel(from: Side, recipient: number): Channel {
    const channel = this.#find(from, recipient)
    if (channel === undefined) throw new GatewayError('PROTOCOL_ERROR', `channel ${recipient} is not open`)
    return channel
  }

  /** For messages that may cross with a CLOSE. */
  #find(from: Side, recipient: number): Channel | undefined {
    return this.#channels[otherSide(from)].get(recipient)
  }

  // Opening channels

  #open(from: Side, message: Buffer): void {
    const open = messages.readChannelOpen(message)
    if (this.#pending[from].has(open.sender) || this.#channels[from].has(open.sender))
      throw new GatewayError('PROTOCOL_ERROR', `channel ${open.sender} is in use`)
    const refusal = this.#refusalOf(from, open)
    if (refusal !== undefined) return this.#legs[from].answer(messages.openFailure(open.sender, ...refusal))
    const window = open.window - reserveOf(open.type, open.window)
    this.#pending[from].set(open.sender, { open, end: { number: open.sender, window: open.window } })
    this.#pass(from, messages.withWindow(open, window, Math.min(open.packetMost, packetMost)))
  }

  #refusalOf(from: Side, open: ChannelOpen): [reason: number, text: string] | undefined {
    const { prohibited, unknownType, resourceShortage } = messages.openFailureReason
    const what = `channel ${open.type}`
    const refused = (reason: number, because: string): [number, string] => [reason, textOf(this.#refuse(what, because))]
    if (this.#channels.client.size + this.#pending.client.size + this.#pending.target.size >= this.#settings.channels)
      return refused(resourceShortage, `no more than ${this.#settings.channels} channels`)
    if (from === 'target') return this.#forwards.awaits(open) ? undefined : refused(prohibited, 'not asked for')
    const row = requests.rowOf(requests.clientOpens, open.type)
    if (row === undefined) return refused(unknownType, `${printable(open.type, 60)} is not carried`)
    if (open.type === 'session' && this.#forwards.sessionsClosed)
      return refused(prohibited, 'no more sessions were asked for')
    const verdict = this.#verdict(what, row.ask({ ...open, openSessions: this.#openSessions() }))
    return verdict.permitted ? undefined : [prohibited, textOf(verdict)]
  }

  #openSessions(): number {
    const open = [...this.#channels.client.values()].filter(({ type }) => type === 'session')
    const opening = [...this.#pending.client.values()].filter(({ open: { type } }) => type === 'session')
    return open.length + opening.length
  }

  #confirm(from: Side, message: Buffer): void {
    const { recipient, sender, window, packetMost: told } = messages.readOpenConfirmation(message)
    const pending = this.#settle(from, recipient)
    if (this.#channels[from].has(sender) || this.#pending[from].has(sender))
      throw new GatewayError('PROTOCOL_ERROR', `channel ${sender} is in use`)
    const ends = { [otherSide(from)]: pending.end, [from]: { number: sender, window } } as Record<Side, End>
    const channel = new Channel(pending.open.type, ends.client, ends.target, this.#makeReplies())
    for (const side of ['client', 'target'] as const) this.#channels[side].set(channel.numbers[side], channel)
    this.#pass(from, messages.withPacketMost(message, Math.min(told, packetMost)))
  }

  #fail(from: Side, message: Buffer): void {
    const { recipient, reason, text } = messages.readOpenFailure(message)
    this.#settle(from, recipient)
    this.#pass(from, messages.openFailure(recipient, reason, printable(text, 200)))
  }

  #settle(from: Side, recipient: number): Pending {
    const pending = this.#pending[otherSide(from)].get(recipient)
    if (pending === undefined) throw new GatewayError('PROTOCOL_ERROR', `channel ${recipient} was not asked for`)
    this.#pending[otherSide(from)].delete(recipient)
    return pending
  }

  // Requests on a channel

  #channelRequest(from: Side, message: Buffer): void {
    const request = messages.readChannelRequest(message)
    const channel = this.#find(from, request.recipient)
    if (channel === undefined) return
    const table = from === 'client' ? requests.clientRequests : requests.targetRequests
    const row = requests.rowOf(table, request.name, channel.type)
    const verdict = this.#verdictOnRequest(channel, request, row)
    if (!verdict.permitted) return this.#refuseOnChannel(from, channel, request, verdict, row?.runs === true)
    this.#await(channel.replies[from], request, row)
    this.#pass(from, message)
  }

  #verdictOnRequest(channel: Channel, request: ChannelRequest, row: requests.Row<ChannelRequest> | undefined): Verdict {
    if (request.name === 'env' && ++channel.variables > variablesMost)
      return this.#refuse('request env', `more than ${variablesMost} variables`)
    return this.#verdictBy(row, request)
  }

  #refuseOnChannel(from: Side, channel: Channel, request: ChannelRequest, refusal: Refusal, runs: boolean): void {
    const said = runs && this.#say(channel, `regate: ${request.name} refused: ${textOf(refusal)}\r\n`)
    if (!request.wantReply) return
    channel.replies[from].refused(messages.channelFailure(channel.numbers[from]), said ? lineFirst : 0)
  }

  /** On the person's terminal, as far as the window allows. */
  #say(channel: Channel, text: string): boolean {
    const line = Buffer.from(text)
    if (!channel.spend(line.length)) return false
    this.#legs.client.send(messages.stderrData(channel.numbers.client, line))
    return true
  }

  #channelReply(from: Side, message: Buffer): void {
    const channel = this.#find(from, messages.readRecipient(message))
    channel?.replies[otherSide(from)].answered(message, message[0] === MSG.channelSuccess)
  }

  // Requests on the connection

  #globalRequest(from: Side, message: Buffer): void {
    const request = messages.readGlobalRequest(message)
    const row = requests.rowOf(from === 'client' ? requests.clientGlobals : requests.targetGlobals, request.name)
    const verdict = this.#verdictBy(row, request)
    if (verdict.permitted) {
      this.#await(this.#replies[from], request, row)
      this.#pass(from, message)
    } else if (request.wantReply) this.#replies[from].refused(messages.requestFailure())
  }

  #globalReply(from: Side, message: Buffer): void {
    this.#replies[otherSide(from)].answered(message, message[0] === MSG.requestSuccess)
  }

  /** Who wants no reply is taken to have been granted it. */
  #await<Request extends GlobalRequest>(replies: Replies, request: Request, row: requests.Row<Request> | undefined) {
    const { granted } = row ?? {}
    if (!request.wantReply) return granted?.(this.#forwards, request, undefined)
    // Its details are a view of a packet that will be gone when the reply comes.
    const kept = granted === undefined ? request : { ...request, details: Buffer.from(request.details) }
    replies.passed((reply) => granted?.(this.#forwards, kept, reply))
  }

  #makeReplies(): Record<Side, Replies> {
    const towards = (side: Side) => new Replies(this.#settings.unanswered, (reply) => this.#legs[side].answer(reply))
    return { client: towards('client'), target: towards('target') }
  }

  // Verdicts: whatever is refused leaves a line in the log

  #verdictBy<Request extends GlobalRequest>(row: requests.Row<Request> | undefined, request: Request): Verdict {
    const what = `request ${request.name}`
    return row === undefined ? this.#refuse(what, 'not known') : this.#verdict(what, row.ask(request))
  }

  #verdict(what: string, ask: Ask | 'pass' | 'keep'): Verdict {
    if (ask === 'pass') return { permitted: true, field: 'validity' }
    if (ask === 'keep') return { permitted: false, because: 'is not passed on' }
    const verdict = this.#judge.permit(ask)
    if (!verdict.permitted) this.#judge.refused(what, verdict)
    return verdict
  }

  #refuse(what: string, because: string): Refusal {
    const refusal = { permitted: false, because } as const
    this.#judge.refused(what, refusal)
    return refusal
  }
}

const textOf = ({ field, because }: Refusal): string => (field === undefined ? because : `${field} ${because}`)
