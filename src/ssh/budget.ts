import { GatewayError } from '../model/errors.ts'

/** Before authentication a peer needs some dozens of messages; with KEXINIT, and what its keys and banners take. */
const limits = { messages: 1_000, bytes: 1024 * 1024, keyExchanges: 4 } as const

/** What somebody may cost who is not known yet: each connection has the same. */
export class Budget {
  #messages = 0
  #bytes = 0
  #keyExchanges = 0

  /** One more message; PROTOCOL_ERROR, as an answer, once it is too much. */
  spend(bytes: number, beginsKeyExchange: boolean): GatewayError | undefined {
    this.#messages++
    this.#bytes += bytes
    if (beginsKeyExchange) this.#keyExchanges++
    const isWithin =
      this.#messages <= limits.messages && this.#bytes <= limits.bytes && this.#keyExchanges <= limits.keyExchanges
    return isWithin ? undefined : new GatewayError('PROTOCOL_ERROR', 'too much before authentication')
  }
}
