import { asGatewayError, GatewayError } from '../../model/errors.ts'
import type { Milliseconds } from '../../model/units.ts'
import type { Standing } from '../../ssh/channel-end.ts'
import type { Leg } from '../../ssh/leg.ts'
import * as messages from '../../ssh/messages.ts'
import { MSG } from '../../ssh/messages.ts'
import { disconnectReason } from '../../ssh/transport-messages.ts'
import type { Mouth } from '../relay.ts'

/** A request on the client's channel, to be made again at the target. */
export interface Replayed {
  readonly name: string
  readonly details: Buffer
}

/** What a client may say while its requests are made again: messages, and bytes of all of them. */
const heldMost = { messages: 256, bytes: 65_536 }
/** Without these there is nothing to go on with. */
const needed: ReadonlySet<string> = new Set(['pty-req', 'shell'])

/**
 * Stands between the relay and a client whose session channel was open before there was a target. To the relay it opens
 * that channel anew and makes its requests once more, so that each is judged, logged and carried as any other; what the
 * target answers to them the client has heard long ago. Then it only exchanges two channel numbers, the one that the
 * client was told and the one that the target gave.
 */
export class Takeover implements Mouth {
  readonly #leg: Leg
  readonly #letGo: () => Standing
  readonly #requests: () => readonly Replayed[]
  #take: (message: Buffer) => void = () => {}
  #standing: Standing | undefined
  /** The target's number for the channel; until it is known the client's words wait. */
  #given: number | undefined
  /** Names of requests whose answers are due, in their order. */
  #due: string[] | undefined
  /** Bytes that the client may send already, and the target has not granted yet. */
  #debt = 0
  #held: Buffer[] | undefined = []
  #heldBytes = 0
  readonly #patience: Milliseconds
  #timer: NodeJS.Timeout | undefined

  /** `letGo`: called when the relay begins; from then on nobody else hears the client. */
  constructor(leg: Leg, letGo: () => Standing, requests: () => readonly Replayed[], patience: Milliseconds) {
    this.#leg = leg
    this.#letGo = letGo
    this.#requests = requests
    this.#patience = patience
  }

  relay(take: (message: Buffer) => void): void {
    this.#take = take
    const standing = this.#letGo()
    this.#standing = standing
    const { peer, toPeer } = standing
    const late = (): void => void this.#fail('TARGET_TIMEOUT', 'the target did not begin the session in time')
    this.#timer = setTimeout(late, this.#patience)
    this.#leg.signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true })
    this.#leg.relay((message) => this.#fromClient(message))
    take(messages.sessionOpen(peer, toPeer.window, toPeer.packetMost))
  }

  send(message: Uint8Array): void {
    const kept = this.#toClient(message as Buffer)
    if (kept !== undefined) this.#leg.send(kept)
  }

  answer(message: Uint8Array): void {
    const kept = this.#toClient(message as Buffer)
    if (kept !== undefined) this.#leg.answer(kept)
  }

  pass(message: Uint8Array, from: Leg): void {
    if (this.#held === undefined) return this.#leg.pass(message, from)
    const kept = this.#toClient(message as Buffer)
    if (kept === message) this.#leg.pass(message, from)
    else if (kept !== undefined) this.#leg.send(kept)
  }

  #fromClient(message: Buffer): void {
    if (this.#held === undefined) return this.#take(this.#renumbered(message, MSG.channelOpenConfirmation, 1))
    this.#heldBytes += message.length
    if (this.#held.push(Buffer.from(message)) > heldMost.messages || this.#heldBytes > heldMost.bytes)
      throw new GatewayError('RELAY_LIMIT', 'too much before the session has begun')
  }

  /** What of it the client is to hear. */
  #toClient(message: Buffer): Buffer | undefined {
    if (this.#held === undefined) return this.#named(message)
    switch (message[0]) {
      case MSG.channelOpenConfirmation:
        return this.#confirmed(message)
      case MSG.channelOpenFailure:
        return this.#fail('TARGET_REFUSED', messages.readOpenFailure(message).text)
      case MSG.channelWindowAdjust:
        return this.#granted(message)
      case MSG.channelSuccess:
      case MSG.channelFailure:
        return this.#answered(message[0] === MSG.channelSuccess)
      default:
        return this.#named(message)
    }
  }

  #confirmed(message: Buffer): undefined {
    const { sender, window, packetMost } = messages.readOpenConfirmation(message)
    const { fromPeer, peer } = this.#standing ?? this.#letGo()
    if (packetMost < fromPeer.packetMost)
      return this.#fail('TARGET_PROTOCOL', `the target takes packets of ${packetMost} bytes at most`)
    this.#given = sender
    this.#debt = Math.max(0, fromPeer.window - window)
    if (window > fromPeer.window) this.#leg.send(messages.windowAdjust(peer, window - fromPeer.window))
    // After the variables that the certificate sets, which the relay has still to send.
    process.nextTick(() => this.#guarded(() => this.#replay(sender)))
    return undefined
  }

  #replay(recipient: number): void {
    const requests = this.#requests()
    this.#due = requests.map(({ name }) => name)
    for (const { name, details } of requests) this.#take(messages.channelRequest(recipient, name, true, details))
    this.#goOn()
  }

  #granted(message: Buffer): Buffer | undefined {
    const { recipient, bytes } = messages.readWindowAdjust(message)
    const paid = Math.min(this.#debt, bytes)
    this.#debt -= paid
    process.nextTick(() => this.#guarded(() => this.#goOn()))
    return paid === 0 ? message : paid === bytes ? undefined : messages.windowAdjust(recipient, bytes - paid)
  }

  /** A program that the certificate or the target refuses is the end: the relay has told why, as far as it knows. */
  #answered(success: boolean): undefined {
    const name = this.#due?.shift() ?? ''
    if (!success && needed.has(name)) return this.#fail('TARGET_REFUSED', `${name} was refused`)
    process.nextTick(() => this.#guarded(() => this.#goOn()))
    return undefined
  }

  /** Once all is answered, and the target takes what the client may send. */
  #goOn(): void {
    if (this.#held === undefined || this.#due === undefined || this.#due.length > 0 || this.#debt > 0) return
    clearTimeout(this.#timer)
    const held = this.#held
    this.#held = undefined
    for (const message of held) this.#fromClient(message)
  }

  /** What a side is told of the target's numbers: in CHANNEL_OPEN after the type, in a confirmation as its second. */
  #named(message: Buffer): Buffer {
    if (message[0] === MSG.channelOpen) return this.#exchanged(message, 5 + message.readUInt32BE(1))
    return message[0] === MSG.channelOpenConfirmation ? this.#exchanged(message, 5) : message
  }

  /** Messages from that number on say by it which channel they mean. */
  #renumbered(message: Buffer, first: number, offset: number): Buffer {
    return (message[0] ?? 0) >= first && message.length >= offset + 4 ? this.#exchanged(message, offset) : message
  }

  /** The two numbers change places, so that no third is ever needed. */
  #exchanged(message: Buffer, offset: number): Buffer {
    const own = this.#standing?.own
    const number = message.readUInt32BE(offset)
    if (own === this.#given || (number !== own && number !== this.#given)) return message
    message.writeUInt32BE((number === own ? this.#given : own) ?? number, offset)
    return message
  }

  #guarded(act: () => void): void {
    try {
      if (!this.#leg.signal.aborted) act()
    } catch (thrown) {
      this.#leg.cut(asGatewayError(thrown, 'INTERNAL', String(thrown)))
    }
  }

  #fail(code: 'TARGET_REFUSED' | 'TARGET_PROTOCOL' | 'TARGET_TIMEOUT', text: string): undefined {
    this.#leg.disconnect(disconnectReason.byApplication, text, new GatewayError(code, text))
    return undefined
  }
}
