import { GatewayError } from '../model/errors.ts'

type Entry<Request> =
  | { readonly request: Request; reply?: Buffer }
  | { readonly refusal: Buffer; readonly notBefore: number }

/**
 * The answers that are due to one side's requests, on a channel or on the connection. Nothing but their order ties a reply
 * to its request (RFC 4254 sections 4 and 5.4), so a refusal of the gateway's own waits for its turn.
 */
export class Replies<Request> {
  readonly #most: number
  readonly #send: (reply: Buffer) => void
  readonly #due: Entry<Request>[] = []

  /** `most` may be due at once. */
  constructor(most: number, send: (reply: Buffer) => void) {
    this.#most = most
    this.#send = send
  }

  /** The request was passed on: the other side will answer it. */
  passed(request: Request): void {
    this.#push({ request })
  }

  /** The request was not: this is its answer, `delay` milliseconds from now at the earliest. */
  refused(refusal: Buffer, delay = 0): void {
    this.#push({ refusal, notBefore: performance.now() + delay })
    this.#drain()
  }

  /** The other side has answered the oldest request that was passed on; PROTOCOL_ERROR when there is none. */
  answered(reply: Buffer): Request {
    const entry = this.#due.find((due) => 'request' in due && due.reply === undefined)
    if (entry === undefined || !('request' in entry)) throw new GatewayError('PROTOCOL_ERROR', 'a reply to nothing')
    entry.reply = entry === this.#due[0] ? reply : Buffer.from(reply) // what has to wait must outlive its packet
    this.#drain()
    return entry.request
  }

  #push(entry: Entry<Request>): void {
    if (this.#due.length >= this.#most) throw new GatewayError('RELAY_LIMIT', 'too many unanswered requests')
    this.#due.push(entry)
  }

  #drain(): void {
    for (let first = this.#due[0]; first !== undefined; first = this.#due[0]) {
      const wait = 'refusal' in first ? first.notBefore - performance.now() : 0
      const reply = 'refusal' in first ? first.refusal : first.reply
      if (reply === undefined) return
      if (wait > 0) return void setTimeout(() => this.#drain(), wait).unref()
      this.#due.shift()
      this.#send(reply)
    }
  }
}
