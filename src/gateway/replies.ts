import { GatewayError } from '../model/errors.ts'

type Due =
  | { readonly granted: (reply: Buffer) => void; reply?: Buffer }
  | { readonly refusal: Buffer; readonly notBefore: number }

/**
 * The answers that are due to one side's requests, on a channel or on the connection. Nothing but their order ties a reply
 * to its request (RFC 4254 sections 4 and 5.4), so a refusal of the gateway's own waits for its turn.
 */
export class Replies {
  readonly #most: number
  readonly #send: (reply: Buffer) => void
  readonly #due: Due[] = []
  #timer: NodeJS.Timeout | undefined

  /** `most` may be due at once. */
  constructor(most: number, send: (reply: Buffer) => void) {
    this.#most = most
    this.#send = send
  }

  /** The request was passed on: the other side will answer it. `granted` is called if it says yes. */
  passed(granted: (reply: Buffer) => void): void {
    this.#push({ granted })
  }

  /** The request was not: this is its answer, `delay` milliseconds from now at the earliest. */
  refused(refusal: Buffer, delay = 0): void {
    this.#push({ refusal, notBefore: performance.now() + delay })
    this.#drain()
  }

  /** The other side has answered the oldest request that was passed on; PROTOCOL_ERROR when there is none. */
  answered(reply: Buffer, success: boolean): void {
    const due = this.#due.find((one) => 'granted' in one && one.reply === undefined)
    if (due === undefined || !('granted' in due)) throw new GatewayError('PROTOCOL_ERROR', 'a reply to nothing')
    if (success) due.granted(reply)
    due.reply = due === this.#due[0] ? reply : Buffer.from(reply) // what has to wait must outlive its packet
    this.#drain()
  }

  /** Nothing is sent any more: the channel is gone, and its number may be used anew. */
  close(): void {
    clearTimeout(this.#timer)
    this.#due.length = 0
  }

  #push(due: Due): void {
    if (this.#due.length >= this.#most) throw new GatewayError('RELAY_LIMIT', 'too many unanswered requests')
    this.#due.push(due)
  }

  #drain(): void {
    for (let first = this.#due[0]; first !== undefined; first = this.#due[0]) {
      const wait = 'refusal' in first ? first.notBefore - performance.now() : 0
      const reply = 'refusal' in first ? first.refusal : first.reply
      if (reply === undefined) return
      if (wait > 0) {
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => this.#drain(), wait).unref()
        return
      }
      this.#due.shift()
      this.#send(reply)
    }
  }
}
