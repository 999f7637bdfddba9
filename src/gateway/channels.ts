import type { Ask } from '../model/channel.ts'
import { GatewayError } from '../model/errors.ts'
import type { ChannelOpen } from '../ssh/messages.ts'
import { type Channel, type End, otherSide, type Side } from './channel.ts'

/** A channel that one side has asked for, and the other has not answered yet. */
export interface Pending {
  readonly open: ChannelOpen
  readonly end: End
  /** What the certificate was asked for it; absent when nothing had to be. */
  readonly ask?: Ask
}

const sides = ['client', 'target'] as const

/** The channels of one connection, by the number that either side knows them by. */
export class Channels {
  /** By who asked; a handful, if any. */
  readonly #pending: Record<Side, readonly Pending[]> = { client: [], target: [] }
  readonly #open: Readonly<Record<Side, Map<number, Channel>>> = { client: new Map(), target: new Map() }

  /** Open ones and those being opened. */
  get size(): number {
    return this.#open.client.size + this.#pending.client.length + this.#pending.target.length
  }

  get sessions(): number {
    const opening = this.#pending.client.filter(({ open: { type } }) => type === 'session')
    return this.all().filter(({ type }) => type === 'session').length + opening.length
  }

  /** In the order in which they were opened. */
  all(): Channel[] {
    return [...this.#open.client.values()]
  }

  /** PROTOCOL_ERROR for a number that `from` uses already. */
  mustBeFree(from: Side, number: number): void {
    if (this.#askedBy(from, number) !== undefined || this.#open[from].has(number))
      throw new GatewayError('PROTOCOL_ERROR', `channel ${number} is in use`)
  }

  /** The channel that has this number of `from`'s. */
  holder(from: Side, number: number): Channel | undefined {
    return this.#open[from].get(number)
  }

  asked(from: Side, pending: Pending): void {
    this.#pending[from] = [...this.#pending[from], pending]
  }

  /** `from` answers what the other side had asked for; PROTOCOL_ERROR when it had not. */
  answered(from: Side, recipient: number): Pending {
    const asker = otherSide(from)
    const pending = this.#askedBy(asker, recipient)
    if (pending === undefined) throw new GatewayError('PROTOCOL_ERROR', `channel ${recipient} was not asked for`)
    this.#pending[asker] = this.#pending[asker].filter((other) => other !== pending)
    return pending
  }

  #askedBy(side: Side, number: number): Pending | undefined {
    return this.#pending[side].find(({ open }) => open.sender === number)
  }

  opened(channel: Channel): void {
    for (const side of sides) this.#open[side].set(channel.numbers[side], channel)
  }

  closed(channel: Channel): void {
    for (const side of sides) this.#open[side].delete(channel.numbers[side])
  }

  /** A recipient is a number of the receiving side. After its own CLOSE a side has no reason to name the channel again. */
  of(from: Side, recipient: number): Channel {
    const channel = this.find(from, recipient)
    if (channel === undefined) throw new GatewayError('PROTOCOL_ERROR', `channel ${recipient} is not open`)
    return channel
  }

  /** For messages that may cross with a CLOSE. */
  find(from: Side, recipient: number): Channel | undefined {
    return this.#open[otherSide(from)].get(recipient)
  }
}
