import type { Ask, Verdict } from '../model/channel.ts'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import type { Leg } from '../ssh/leg.ts'
import * as messages from '../ssh/messages.ts'
import { type ChannelRequest, type GlobalRequest, MSG } from '../ssh/messages.ts'
import { Channel, type End, otherSide, packetMost, reserveOf, type Side } from './channel.ts'
import { Channels } from './channels.ts'
import { Forwards } from './forwards.ts'
import { Openings } from './opening.ts'
import type { Mouth, Relayed, RelaySettings } from './relayed.ts'
import { Replies } from './replies.ts'
import * as requests from './requests.ts'
import { begunBefore, lookInto, noWindow, refusalOf, type SftpGuard } from './sftp.ts'
import { stand, verdictOnRequest } from './standing.ts'
import { type Judge, type Refusal, textOf, Verdicts, type Witness } from './verdicts.ts'

export type { Mouth, Relayed, RelaySettings }

/** A refused program's line must reach the terminal before the refusal, upon which OpenSSH leaves at once. */
const lineFirst = 100

/** What follows a yes to most requests. It holds on to nothing: the request may have been a quarter of a MiB. */
const nothing = (): void => {}
const isNoSession = ({ kind }: Ask): boolean => kind !== 'session'

/**
 * Carries the connection protocol (RFC 4254) between a client and its target, packet for packet, and asks the judge of
 * each that asks for something. What is refused never reaches the target; replies stay in the order of their requests;
 * whoever sends more than a window allows is cut.
 */
export function relay(
  client: Leg,
  target: Leg,
  judge: Judge,
  witness: Witness,
  settings: RelaySettings,
  before: Mouth = client,
): Relayed {
  const between = new Relay({ client, target }, { client: before, target }, judge, witness, settings)
  before.relay((message) => between.take('client', message))
  target.relay((message) => between.take('target', message))
  return between
}

class Relay implements Relayed {
  readonly bytes = { to_client: 0, to_target: 0 }
  readonly #legs: Readonly<Record<Side, Leg>>
  readonly #mouths: Readonly<Record<Side, Mouth>>
  readonly #judge: Judge
  readonly #witness: Witness
  readonly #verdicts: Verdicts
  readonly #settings: RelaySettings
  readonly #channels = new Channels()
  readonly #replies: Readonly<Record<Side, Replies>>
  readonly #forwards = new Forwards()
  readonly #openings: Openings

  constructor(
    legs: Readonly<Record<Side, Leg>>,
    mouths: Readonly<Record<Side, Mouth>>,
    judge: Judge,
    witness: Witness,
    settings: RelaySettings,
  ) {
    this.#legs = legs
    this.#mouths = mouths
    this.#judge = judge
    this.#witness = witness
    this.#verdicts = new Verdicts(judge, witness)
    this.#settings = settings
    this.#openings = new Openings(this.#verdicts, this.#channels, this.#forwards, settings.channels)
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

  narrow(): void {
    this.#narrowForwards()
    // A session that was opened counts no more: a smaller number of them closes none, it opens no more.
    for (const channel of this.#channels.all())
      if (!channel.shut) this.#reconsider(channel, channel.asks.filter(isNoSession))
  }

  #narrowForwards(): void {
    const permitted = (ask: Ask): boolean => this.#judge.permit(ask).permitted
    for (const { name, details } of this.#forwards.narrow(permitted))
      this.#legs.target.send(messages.globalRequest(name, details))
  }

  /** As it came; it can't be read afterwards. */
  #hand(from: Side, message: Buffer): void {
    this.#mouths[otherSide(from)].pass(message, this.#legs[from])
    this.#legs[from].yieldTo(this.#legs[otherSide(from)])
  }

  #pass(from: Side, message: Uint8Array): void {
    this.#mouths[otherSide(from)].send(message)
    this.#legs[from].yieldTo(this.#legs[otherSide(from)])
  }

  // Data and windows

  #data(from: Side, message: Buffer): void {
    const { recipient, length } = messages.readData(message)
    const channel = this.#channels.of(from, recipient)
    channel.sent(from, length)
    if (channel.shut) return
    const direction = from === 'client' ? 'to_target' : 'to_client'
    this.bytes[direction] += length
    channel.bytes[direction] += length
    if (channel.sftp === undefined || (from === 'target' && message[0] === MSG.channelExtendedData))
      return this.#hand(from, message)
    this.#guarded(channel, channel.sftp, from, message)
  }

  /** What is swallowed is given back to the sender's window, since nobody else will; what is added was withheld from it. */
  #guarded(channel: Channel, guard: SftpGuard, from: Side, message: Buffer): void {
    const passed = refusalOf(() => guard.take(from, message))
    if ('because' in passed) return this.#shut(channel, passed)
    if (passed.untouched) return this.#hand(from, message)
    if (passed.added > 0 && !channel.mayAsk(passed.added)) return this.#shut(channel, noWindow)
    const recipient = channel.numbers[otherSide(from)]
    for (const piece of passed.pieces) this.#pass(from, messages.channelData(recipient, piece))
    if (passed.swallowed === 0) return
    channel.returned(from, passed.swallowed)
    this.#legs[from].answer(messages.windowAdjust(channel.numbers[from], passed.swallowed))
  }

  #windowAdjust(from: Side, message: Buffer): void {
    const { recipient, bytes } = messages.readWindowAdjust(message)
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined || channel.shut) return
    const passed = channel.granted(from, bytes)
    if (passed === bytes) this.#hand(from, message)
    else if (passed > 0) this.#pass(from, messages.windowAdjust(recipient, passed))
  }

  #eof(from: Side, message: Buffer): void {
    const channel = this.#channels.of(from, messages.readRecipient(message))
    channel.ended(from)
    if (!channel.shut) this.#pass(from, message)
  }

  #close(from: Side, message: Buffer): void {
    const channel = this.#channels.of(from, messages.readRecipient(message))
    const isOver = channel.closed(from)
    if (!channel.shut) this.#pass(from, message)
    if (!isOver) return
    this.#channels.closed(channel)
    this.#witness.closed(channel.numbers.client, { ...channel.bytes })
    for (const { from, open } of channel.waiting) this.#open(from, open)
  }

  // Opening channels

  #open(from: Side, message: Buffer): void {
    const open = messages.readChannelOpen(message)
    const holder = this.#channels.holder(from, open.sender)
    if (holder?.mayFollow(from) === true) {
      holder.waiting = [...holder.waiting, { from, open: Buffer.from(message) }]
      return
    }
    this.#channels.mustBeFree(from, open.sender)
    const answer = from === 'client' ? this.#openings.byClient(open) : this.#openings.byTarget(open)
    if ('reason' in answer)
      return this.#mouths[from].answer(messages.openFailure(open.sender, answer.reason, answer.text))
    const window = open.window - reserveOf(open.type, open.window)
    this.#channels.asked(from, { open, end: { number: open.sender, window: open.window }, ...answer })
    this.#pass(from, messages.withWindow(open, window, Math.min(open.packetMost, packetMost)))
  }

  #confirm(from: Side, message: Buffer): void {
    const { recipient, sender, window, packetMost: told } = messages.readOpenConfirmation(message)
    const { open, end, ask } = this.#channels.answered(from, recipient)
    this.#channels.mustBeFree(from, sender)
    const ends = { [otherSide(from)]: end, [from]: { number: sender, window } } as Record<Side, End>
    const asks = ask === undefined ? [] : [ask]
    const channel = new Channel(open.type, ends.client, ends.target, this.#makeReplies(), asks)
    this.#channels.opened(channel)
    this.#pass(from, messages.withLimits(message, channel.told(from, window), Math.min(told, packetMost)))
    this.#reconsider(channel, this.#askedNow(asks)) // the certificate may have become narrower meanwhile
    if (channel.shut) return
    this.#witness.opened(`channel ${open.type}`, this.#verdicts.fieldOf(ask), channel.numbers.client)
    if (open.type !== 'session') return
    for (const [name, value] of Object.entries(this.#judge.environment()))
      this.#legs.target.send(messages.setEnvironment(channel.numbers.target, name, value))
  }

  #askedNow(asks: readonly Ask[]): Ask[] {
    const openSessions = this.#channels.sessions - 1
    return asks.map((ask) => (ask.kind === 'session' ? { ...ask, openSessions } : ask))
  }

  #fail(from: Side, message: Buffer): void {
    const { recipient, reason, text } = messages.readOpenFailure(message)
    this.#channels.answered(from, recipient)
    this.#pass(from, messages.openFailure(recipient, reason, printable(text, 200)))
  }

  /** Closes the channel when what it asked for would not be opened now. */
  #reconsider(channel: Channel, asks: readonly Ask[]): void {
    for (const ask of asks) {
      const verdict = this.#judge.permit(ask)
      if (!verdict.permitted) return this.#shut(channel, verdict)
      if (verdict.field === 'permit-sftp@regate' && channel.sftp === undefined) return this.#shut(channel, begunBefore)
    }
  }

  #shut(channel: Channel, refusal: Refusal): void {
    this.#witness.refused(`channel ${channel.type}, that was open`, refusal, channel.numbers.client)
    if (channel.type === 'session') this.#say(channel, `\r\nregate: closed: ${textOf(refusal)}\r\n`)
    for (const side of channel.shutDown()) this.#mouths[side].send(messages.channelClose(channel.numbers[side]))
  }

  // Requests on a channel

  #channelRequest(from: Side, message: Buffer): void {
    const request = messages.readChannelRequest(message)
    const channel = this.#channels.find(from, request.recipient)
    if (channel === undefined || channel.shut) return
    const table = from === 'client' ? requests.clientRequests : requests.targetRequests
    const row = requests.rowOf(table, request.name, channel.type)
    const verdict = verdictOnRequest(channel, request, row, this.#judge, this.#verdicts)
    if (!verdict.permitted) return this.#refuseOnChannel(from, channel, request, verdict, row?.runs === true)
    if (row?.stands === true) stand(channel, request, row, verdict.field, this.#witness)
    const unread = verdict.field === 'permit-sftp@regate' && lookInto(channel, this.#judge, this.#witness)
    if (unread) return this.#shut(channel, unread)
    if (row?.ends === true) this.#witness.exited(messages.readExit(request), channel.numbers.client)
    this.#await(channel.replies[from], request, row)
    this.#pass(from, message)
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
    this.#mouths.client.send(messages.stderrData(channel.numbers.client, line))
    return true
  }

  #channelReply(from: Side, message: Buffer): void {
    const channel = this.#channels.find(from, messages.readRecipient(message))
    if (channel?.shut === false) channel.replies[otherSide(from)].answered(message, message[0] === MSG.channelSuccess)
  }

  // Requests on the connection

  #globalRequest(from: Side, message: Buffer): void {
    const request = messages.readGlobalRequest(message)
    const row = requests.rowOf(from === 'client' ? requests.clientGlobals : requests.targetGlobals, request.name)
    const verdict = this.#verdictOnGlobal(row, request)
    if (verdict.permitted) {
      this.#await(this.#replies[from], request, row)
      this.#pass(from, message)
    } else if (request.wantReply) this.#replies[from].refused(messages.requestFailure())
    else this.#legs[from].acknowledge()
  }

  #verdictOnGlobal(row: requests.Row<GlobalRequest> | undefined, request: GlobalRequest): Verdict {
    if (row?.listens === true && this.#forwards.listening >= this.#settings.channels)
      return this.#verdicts.refuse(`request ${request.name}`, `no more than ${this.#settings.channels} listeners`)
    return this.#verdicts.by(row, request)
  }

  #globalReply(from: Side, message: Buffer): void {
    this.#replies[otherSide(from)].answered(message, message[0] === MSG.requestSuccess)
  }

  /** Who wants no reply is taken to have been granted it. */
  #await<Request extends GlobalRequest>(replies: Replies, request: Request, row: requests.Row<Request> | undefined) {
    const { granted } = row ?? {}
    if (granted === undefined) {
      if (request.wantReply) replies.passed(nothing)
      return
    }
    // Its details are a view of a packet that will be gone when the reply comes.
    const kept = { ...request, details: Buffer.from(request.details) }
    const take = (reply: Buffer | undefined): void => {
      granted(this.#forwards, kept, reply)
      this.#narrowForwards() // the certificate may have become narrower meanwhile
    }
    if (request.wantReply) replies.passed(take)
    else take(undefined)
  }

  #makeReplies(): Record<Side, Replies> {
    const towards = (side: Side) => new Replies(this.#settings.unanswered, (reply) => this.#mouths[side].answer(reply))
    return { client: towards('client'), target: towards('target') }
  }
}
