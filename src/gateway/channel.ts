import type { Ask } from '../model/channel.ts'
import { GatewayError } from '../model/errors.ts'
import type { Replies } from './replies.ts'
import type { SftpGuard } from './sftp.ts'

/** Who sent a message, or whose number or window something is. */
export type Side = 'client' | 'target'
export const otherSide = (side: Side): Side => (side === 'client' ? 'target' : 'client')

/** Bytes of data in one packet that the gateway lets either side be told of: OpenSSH's own choice (channels.h). */
export const packetMost = 32_768
/** RFC 4254 section 5.2: a window may not grow beyond what a uint32 can say. */
const windowMost = 0xffff_ffff
/** So much of a session's window towards the client is not passed on, for lines that the gateway itself has to say. */
export const reserveOf = (type: string, window: number): number => (type === 'session' && window >= 65_536 ? 1_024 : 0)

/**
 * So many bytes of a session's window towards the target are not passed on: in them the gateway asks a question of its own,
 * where the session turns out to be sftp (ssh/sftp-request.ts).
 */
const questionBytes = 14
const isRoomy = (window: number): boolean => window >= 1_024

/** What one side has said of a channel when it opened or confirmed it. */
export interface End {
  readonly number: number
  /** Bytes that the other side may send it at first. */
  readonly window: number
}

/**
 * A channel as it passes through: its number on either side, what either may still send, and what is unanswered.
 * It ends when both have said CLOSE; until then neither number may be used anew.
 */
export class Channel {
  readonly type: string
  readonly numbers: Readonly<Record<Side, number>>
  readonly replies: Readonly<Record<Side, Replies>>
  /** What the certificate was asked for so far to which this channel owes that it is open; asked again of a narrower one. */
  readonly asks: Ask[]
  /** Payload that it carried. */
  readonly bytes = { to_client: 0, to_target: 0 }
  /** Environment variables that the client has set. */
  variables = 0
  #shut = false
  /** Looks into what passes, where the certificate says what may be done by sftp. */
  sftp?: SftpGuard
  /** CHANNEL_OPENs that wait for its end, one of a side at most. */
  waiting: readonly { readonly from: Side; readonly open: Buffer }[] = []
  /** Bytes that each side may still send. */
  readonly #credit: Record<Side, number>
  readonly #said: Record<Side, 'nothing' | 'eof' | 'close'> = { client: 'nothing', target: 'nothing' }
  /** Bytes that the gateway itself may say to the client. */
  #reserve: number
  readonly #reserveWhole: number
  /** Of the target's window: withheld from the client, or to be withheld from what is granted next. */
  #question: 'to be withheld' | 'withheld' | 'none'
  readonly #targetWindow: number

  constructor(
    type: string,
    client: End,
    target: End,
    replies: Readonly<Record<Side, Replies>>,
    asks: readonly Ask[] = [],
  ) {
    this.type = type
    this.asks = [...asks]
    this.replies = replies
    this.numbers = { client: client.number, target: target.number }
    this.#reserve = this.#reserveWhole = reserveOf(type, client.window)
    const withholds = type === 'session' && isRoomy(target.window)
    this.#question = withholds ? 'withheld' : type === 'session' ? 'to be withheld' : 'none'
    this.#targetWindow = target.window - (withholds ? questionBytes : 0)
    this.#credit = { client: this.#targetWindow, target: client.window - this.#reserve }
  }

  /** What the other side is told of the window with which `side` confirmed the channel. */
  told(side: Side, window: number): number {
    return side === 'target' ? this.#targetWindow : window
  }

  /** `side` sent data: WINDOW_EXCEEDED for more than it was allowed, or after it had said that there is no more. */
  sent(side: Side, length: number): void {
    if (this.#said[side] !== 'nothing') throw new GatewayError('PROTOCOL_ERROR', 'data after the end of data')
    if (length > packetMost) throw new GatewayError('WINDOW_EXCEEDED', `${length} bytes in one packet`)
    this.#credit[side] -= length
    if (this.#credit[side] < 0)
      throw new GatewayError('WINDOW_EXCEEDED', `${-this.#credit[side]} bytes beyond the window`)
  }

  /** Of what `side` sent so many bytes go nowhere: it may send them again, and the other side has no part in it. */
  returned(side: Side, bytes: number): void {
    this.#credit[side] += bytes
  }

  /** `side` allows the other to send more. Answers how much of that to pass on: a spent reserve is filled first. */
  granted(side: Side, bytes: number): number {
    const kept = side === 'client' ? this.#refill(bytes) : this.#withhold(bytes)
    const other = otherSide(side)
    this.#credit[other] += bytes - kept
    if (this.#credit[other] > windowMost)
      throw new GatewayError('WINDOW_EXCEEDED', 'a window larger than windows can be')
    return bytes - kept
  }

  #refill(bytes: number): number {
    const kept = Math.min(bytes, this.#reserveWhole - this.#reserve)
    this.#reserve += kept
    return kept
  }

  #withhold(bytes: number): number {
    if (this.#question !== 'to be withheld' || !isRoomy(bytes)) return 0
    this.#question = 'withheld'
    return questionBytes
  }

  /** Whether the gateway may ask the target so many bytes of its own; once. */
  mayAsk(length: number): boolean {
    const may = this.#question === 'withheld' && length <= questionBytes
    this.#question = 'none'
    return may
  }

  /** Whether the gateway may now say so much to the client on this channel; then it is taken from the reserve. */
  spend(length: number): boolean {
    if (length > this.#reserve || this.#said.target !== 'nothing') return false
    this.#reserve -= length
    return true
  }

  /** The gateway has closed it: what either side still says of it, up to its own CLOSE, is not passed on. */
  get shut(): boolean {
    return this.#shut
  }

  /**
   * Whether a channel that `side` opens under the number of this one has to wait for its end: shut down from here, it is over
   * for that side already, but the other may still name it by that number. One waits.
   */
  mayFollow(side: Side): boolean {
    return this.#shut && this.#said[side] === 'close' && !this.waiting.some(({ from }) => from === side)
  }

  /** Closes it from here. Answers who has not been told of a CLOSE yet. */
  shutDown(): Side[] {
    this.#shut = true
    this.replies.client.close()
    this.replies.target.close()
    return (['client', 'target'] as const).filter((side) => this.#said[otherSide(side)] !== 'close')
  }

  ended(side: Side): void {
    if (this.#said[side] !== 'nothing') throw new GatewayError('PROTOCOL_ERROR', 'a second end of data')
    this.#said[side] = 'eof'
  }

  /** Whether this was the second of the two. */
  closed(side: Side): boolean {
    if (this.#said[side] === 'close') throw new GatewayError('PROTOCOL_ERROR', 'a second close')
    this.#said[side] = 'close'
    if (this.#said[otherSide(side)] !== 'close') return false
    this.replies.client.close()
    this.replies.target.close()
    return true
  }
}
