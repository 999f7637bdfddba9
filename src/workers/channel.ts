import type { Socket } from 'node:net'
import { asGatewayError, type ErrorCode, errorCodes, GatewayError } from '../model/errors.ts'
import type { Wire } from './protocol.ts'

type Asks = Readonly<Record<string, readonly [unknown, unknown]>>
type Says = Readonly<Record<string, unknown>>

/** What one end does with what the other asks and says. */
export interface Answering<InAsks, InSays> {
  readonly asked: {
    readonly [Name in keyof InAsks]: InAsks[Name] extends readonly [infer Details, infer Answer]
      ? (details: Details) => Answer | Promise<Answer>
      : never
  }
  readonly said: { readonly [Name in keyof InSays]: (details: InSays[Name], socket?: Socket) => void }
}

type Message =
  | { readonly ask: string; readonly id: number; readonly details: unknown }
  | { readonly answer: number; readonly details: unknown }
  | { readonly refused: number; readonly code: ErrorCode; readonly message: string }
  | { readonly say: string; readonly details: unknown }

/** Questions without an answer yet; who asks more is told so. A worker has a handful for each connection that begins. */
export const outstandingMost = 20_000

/** One end of the talk of two processes. After `close` every question fails, and nothing is heard. */
export class Channel<OutAsks extends Asks, OutSays extends Says, InAsks extends Asks, InSays extends Says> {
  readonly #wire: Wire
  readonly #answering: Answering<InAsks, InSays>
  readonly #waiting = new Map<number, PromiseWithResolvers<never>>()
  #next = 0
  #over: GatewayError | undefined

  constructor(wire: Wire, answering: Answering<InAsks, InSays>) {
    this.#wire = wire
    this.#answering = answering
  }

  /** Rejects with what the other end threw, GatewayErrors with their code; INTERNAL when there is no answer to be had. */
  async ask<Name extends keyof OutAsks & string>(name: Name, details: OutAsks[Name][0]): Promise<OutAsks[Name][1]> {
    if (this.#over !== undefined) throw this.#over
    if (this.#waiting.size >= outstandingMost)
      throw new GatewayError('INTERNAL', `${outstandingMost} questions to another process are unanswered`)
    const id = this.#next++
    const answer = Promise.withResolvers<never>()
    this.#waiting.set(id, answer)
    this.#send({ ask: name, id, details })
    return await answer.promise
  }

  /** `sent`: it has gone out, or never will. */
  say<Name extends keyof OutSays & string>(
    name: Name,
    details: OutSays[Name],
    socket?: Socket,
    sent: (fault: Error | null) => void = () => {},
  ): void {
    if (this.#over !== undefined) sent(this.#over)
    else this.#send({ say: name, details }, socket, sent)
  }

  /** To be called with each message that comes; after `close` it is not heard: what was given back would be taken anew. */
  hear(message: unknown, socket?: Socket): void {
    if (this.#over !== undefined) return
    const heard = message as Message
    if ('ask' in heard) void this.#answer(heard)
    else if ('say' in heard) this.#answering.said[heard.say]?.(heard.details as never, socket)
    else if ('answer' in heard) this.#take(heard.answer)?.resolve(heard.details as never)
    else this.#take(heard.refused)?.reject(new GatewayError(heard.code, heard.message))
  }

  /** The other end is gone, or is not to be heard any more. */
  close(why: string): void {
    this.#over ??= new GatewayError('INTERNAL', why)
    for (const { reject } of this.#waiting.values()) reject(this.#over)
    this.#waiting.clear()
  }

  async #answer({ ask, id, details }: Extract<Message, { ask: string }>): Promise<void> {
    try {
      const answering = this.#answering.asked[ask]
      if (answering === undefined) throw new GatewayError('INTERNAL', `${ask}: no such question`)
      this.#send({ answer: id, details: await answering(details as never) })
    } catch (thrown) {
      const { code, message } = asGatewayError(thrown, 'INTERNAL', `${ask}: ${(thrown as Error).message}`)
      this.#send({ refused: id, code: code in errorCodes ? code : 'INTERNAL', message })
    }
  }

  #take(id: number): PromiseWithResolvers<never> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #send(message: Message, socket?: Socket, sent: (fault: Error | null) => void = () => {}): void {
    if (this.#over === undefined) this.#wire.send(message, socket, sent)
  }
}
