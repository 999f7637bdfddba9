import type { Ask, Verdict } from '../model/channel.ts'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import type { Leg } from '../ssh/leg.ts'
import * as messages from '../ssh/messages.ts'
import { type ChannelOpen, type ChannelRequest, type GlobalRequest, MSG } from '../ssh/messages.ts'
import * as requests from '../ssh/requests.ts'
import { Channel, type End, otherSide, packetMost, reserveOf, type Side } from './channel.ts'
import { Forwards } from './forwards.ts'
import { Replies } from './replies.ts'

export interface RelaySettings {
  /** Channels open or being opened at once on one connection. */
  readonly channels: number
  /** Requests of one side that may be unanswered, on a channel or on the connection. */
  readonly unanswered: number
}

/** What a certificate is asked, and what is worth a line in the log. */
export interface Judge {
  permit(ask: Ask): Verdict
  refused(what: string, verdict: Verdict | undefined): void
}

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
export class Relay {
  readonly #legs: Readonly<Record<Side, Leg>>
  readonly #judge: Judge
  readonly #settings: RelaySettings
  /** Channels that a side has asked for, by its own number. */
  readonly #pending: Readonly<Record<Side, Map<number, Pending>>> = { client: new Map(), target: new Map() }
  readonly #channels: Readonly<Record<Side, Map<number, Channel>>> = {
    client: new Map(),
    target: new Map(),
  }
  readonly #replies: Readonly<Record<Side, Replies<GlobalRequest>>>
  readonly #forwards = new Forwards()
  #noMoreSessions = false

  constructor(client: Leg, target: Leg, judge: Judge, settings: RelaySettings) {
    this.#legs = { client, target }
    this.#judge = judge
    this.#settings = settings
    this.#replies = this.#makeReplies()
    client.relay((message) => this.#take('client', message))
    target.relay((message) => this.#take('target', message))
  }

  #take(from: Side, message: Buffer): void {
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
    const passed = this.#find(from, recipient)?.granted(from, bytes) ?? 0
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
    if (refusal !== undefined) return this.#legs[from].send(messages.openFailure(open.sender, ...refusal))
    const window = open.window - reserveOf(open.type, open.window)
    this.#pending[from].set(open.sender, { open, end: { number: open.sender, window: open.window } })
    this.#pass(from, messages.withWindow(open, window, Math.min(open.packetMost, packetMost)))
  }

  #refusalOf(from: Side, open: ChannelOpen): [reason: number, text: string] | undefined {
    const { prohibited, unknownType, resourceShortage } = messages.openFailureReason
    if (this.#channels.client.size + this.#pending.client.size + this.#pending.target.size >= this.#settings.channels)
      return [resourceShortage, `no more than ${this.#settings.channels} channels`]
    if (from === 'target') return this.#isAwaited(open) ? undefined : [prohibited, 'not asked for']
    const rule = requests.ruleOf(requests.clientOpens, open.type)
    if (rule === undefined) {
      this.#judge.refused(`channel ${open.type}`, undefined)
      return [unknownType, `${open.type} is not carried`]
    }
    if (open.type === 'session' && this.#noMoreSessions) return [prohibited, 'no more sessions were asked for']
    const verdict = this.#verdict(open.type, rule({ ...open, sessions: this.#sessions() }))
    return verdict.permitted ? undefined : [prohibited, `${verdict.field} ${verdict.because}`]
  }

  #isAwaited(open: ChannelOpen): boolean {
    const type = requests.targetOpens.find((name) => name === open.type)
    const awaited = type !== undefined && this.#forwards.awaits(type, open)
    if (!awaited) this.#judge.refused(`channel ${open.type} from the target`, undefined)
    return awaited
  }

  #sessions(): number {
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
    const channel = new Channel(pending.open.type, ends.client, ends.target, this.#makeReplies<undefined>())
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
    const rule = requests.ruleOf(table, request.name, channel.type)
    if (rule === undefined) this.#judge.refused(`request ${request.name}`, undefined)
    const tooMany = request.name === 'env' && ++channel.variables > variablesMost
    const verdict = rule === undefined || tooMany ? undefined : this.#verdict(request.name, rule(request))
    if (verdict?.permitted !== true) return this.#refuseChannelRequest(from, channel, request, verdict)
    if (request.name === 'auth-agent-req@openssh.com') this.#forwards.agent()
    if (request.name === 'x11-req') this.#forwards.x11()
    if (request.wantReply) channel.replies[from].passed(undefined)
    this.#pass(from, message)
  }

  #refuseChannelRequest(from: Side, channel: Channel, request: ChannelRequest, verdict: Verdict | undefined): void {
    const said = runsProgram.has(request.name) && this.#say(channel, request.name, verdict)
    if (!request.wantReply) return
    channel.replies[from].refused(messages.channelFailure(channel.numbers[from]), said ? lineFirst : 0)
  }

  /** On the person's terminal: what of the certificate stood in the way. */
  #say(channel: Channel, name: string, verdict: Verdict | undefined): boolean {
    const because = verdict === undefined || verdict.permitted ? 'not known' : `${verdict.field} ${verdict.because}`
    const line = Buffer.from(`regate: ${name} refused: ${because}\r\n`)
    if (!channel.spend(line.length)) return false
    this.#legs.client.send(messages.stderrData(channel.numbers.client, line))
    return true
  }

  #channelReply(from: Side, message: Buffer): void {
    const channel = this.#find(from, messages.readRecipient(message))
    channel?.replies[otherSide(from)].answered(message)
  }

  // Requests on the connection

  #globalRequest(from: Side, message: Buffer): void {
    const request = messages.readGlobalRequest(message)
    const table = from === 'client' ? requests.clientGlobals : requests.targetGlobals
    const rule = requests.ruleOf(table, request.name)
    const verdict = rule === undefined ? undefined : this.#verdict(request.name, rule(request))
    if (verdict?.permitted !== true) {
      if (request.wantReply) this.#replies[from].refused(messages.requestFailure())
      return
    }
    if (request.name === 'no-more-sessions@openssh.com') this.#noMoreSessions = true
    if (request.wantReply) this.#replies[from].passed(keep(request))
    else this.#forwards.granted(request, Buffer.alloc(0))
    this.#pass(from, message)
  }

  #globalReply(from: Side, message: Buffer): void {
    const to = otherSide(from)
    const request = this.#replies[to].answered(message)
    if (message[0] === MSG.requestSuccess && to === 'client') this.#forwards.granted(request, message)
  }

  #makeReplies<Request>(): Record<Side, Replies<Request>> {
    const towards = (side: Side) =>
      new Replies<Request>(this.#settings.unanswered, (reply) => this.#pass(otherSide(side), reply))
    return { client: towards('client'), target: towards('target') }
  }

  #verdict(what: string, ask: Ask | 'pass'): Verdict {
    if (ask === 'pass') return { permitted: true, field: 'validity' }
    const verdict = this.#judge.permit(ask)
    if (!verdict.permitted) this.#judge.refused(what, verdict)
    return verdict
  }
}

const runsProgram: ReadonlySet<string> = new Set(['shell', 'exec', 'subsystem'])

/** Its details are a view of a packet that will be gone when the reply comes. */
const keep = (request: GlobalRequest): GlobalRequest => ({ ...request, details: Buffer.from(request.details) })
