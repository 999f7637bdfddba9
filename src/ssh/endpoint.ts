import { GatewayError } from '../model/errors.ts'
import { ChannelEnd, type Standing, type Windows } from './channel-end.ts'
import type { Leg } from './leg.ts'
import * as messages from './messages.ts'
import { type ChannelOpen, MSG, openFailureReason } from './messages.ts'

/** What becomes of a channel that the peer wants to open. */
export type Opening =
  | ({
      readonly outcome: 'taken'
      /** It is open; whoever takes it sets what answers its requests. */
      readonly begin: (channel: ChannelEnd) => void
    } & Windows)
  /** A reason of RFC 4254 section 5.1, and a text for the person. */
  | { readonly outcome: 'refused'; readonly reason: number; readonly text: string }

/**
 * The connection protocol (RFC 4254) of a connection that ends here: it is relayed nowhere, and its channels are streams.
 * Whatever the peer asks for on the connection itself is refused; nothing is opened from here.
 */
export class Endpoint {
  readonly #leg: Leg
  readonly #channelsMost: number
  readonly #open: (open: ChannelOpen) => Opening
  /** By the number that they have here. */
  readonly #channels = new Map<number, { readonly end: ChannelEnd; readonly peer: number }>()
  #sessionsClosed = false
  #heard = 0
  #isLetGo = false

  /** `open` is asked for each channel; `channelsMost` may be open at once. */
  constructor(leg: Leg, channelsMost: number, open: (open: ChannelOpen) => Opening) {
    this.#leg = leg
    this.#channelsMost = channelsMost
    this.#open = open
    leg.signal.addEventListener('abort', () => this.#over(), { once: true })
    leg.relay((message) => this.#take(message))
  }

  /** Those that are open. */
  get channels(): readonly ChannelEnd[] {
    return [...this.#channels.values()].map(({ end }) => end)
  }

  /** How many messages have come that say something of a channel. */
  get heard(): number {
    return this.#heard
  }

  /** Somebody else has the connection. */
  get isLetGo(): boolean {
    return this.#isLetGo
  }

  /** Lets go of the one channel there is, and of the connection: somebody else takes its messages from now on. */
  letGo(channel: ChannelEnd): Standing {
    const [only, ...others] = this.channels
    if (only !== channel || others.length > 0) throw new GatewayError('INTERNAL', 'other channels are open')
    this.#channels.clear()
    this.#isLetGo = true
    return channel.letGo()
  }

  #take(message: Buffer): void {
    if (message[0] !== MSG.globalRequest) this.#heard++
    switch (message[0]) {
      case MSG.globalRequest:
        return this.#globalRequest(message)
      case MSG.channelOpen:
        return this.#channelOpen(messages.readChannelOpen(message))
      case MSG.channelData:
      case MSG.channelExtendedData: {
        const { recipient, length } = messages.readData(message)
        return this.#of(recipient).data(message, length)
      }
      case MSG.channelWindowAdjust: {
        const { recipient, bytes } = messages.readWindowAdjust(message)
        return this.#of(recipient).windowAdjust(bytes)
      }
      case MSG.channelRequest: {
        const request = messages.readChannelRequest(message)
        return this.#of(request.recipient).request(request)
      }
      case MSG.channelEof:
        return this.#of(messages.readRecipient(message)).eof()
      case MSG.channelClose: {
        const number = messages.readRecipient(message)
        this.#of(number).close()
        this.#channels.delete(number)
        return
      }
      default:
        throw new GatewayError('PROTOCOL_ERROR', `message ${message[0]}`) // replies to nothing, too
    }
  }

  #of(number: number): ChannelEnd {
    const channel = this.#channels.get(number)
    if (channel === undefined) throw new GatewayError('PROTOCOL_ERROR', `channel ${number} is not open`)
    return channel.end
  }

  #globalRequest(message: Buffer): void {
    const { name, wantReply } = messages.readGlobalRequest(message)
    if (name === 'no-more-sessions@openssh.com') this.#sessionsClosed = true
    if (wantReply) this.#leg.answer(messages.requestFailure())
  }

  #channelOpen(open: ChannelOpen): void {
    if ([...this.#channels.values()].some(({ peer }) => peer === open.sender))
      throw new GatewayError('PROTOCOL_ERROR', `channel ${open.sender} is in use`)
    const opening = this.#judge(open)
    if (opening.outcome === 'refused')
      return this.#leg.answer(messages.openFailure(open.sender, opening.reason, opening.text))
    const number = this.#freeNumber()
    const { window, packetMost } = opening
    const end = new ChannelEnd(this.#leg, number, open, opening)
    this.#channels.set(number, { end, peer: open.sender })
    this.#leg.answer(messages.openConfirmation(open.sender, number, window, packetMost))
    opening.begin(end)
  }

  #judge(open: ChannelOpen): Opening {
    if (this.#channels.size >= this.#channelsMost)
      return { outcome: 'refused', reason: openFailureReason.resourceShortage, text: 'too many channels' }
    if (open.type === 'session' && this.#sessionsClosed)
      return { outcome: 'refused', reason: openFailureReason.prohibited, text: 'no more sessions were asked for' }
    return this.#open(open)
  }

  #freeNumber(): number {
    for (let number = 0; ; number++) if (!this.#channels.has(number)) return number
  }

  #over(): void {
    for (const { end } of this.#channels.values()) end.destroy()
    this.#channels.clear()
  }
}
