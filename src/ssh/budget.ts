import { GatewayError } from '../model/errors.ts'

export type Peer = 'client' | 'target'

/** What it is called when a peer goes away, and how that is said. */
export const left = { client: 'CLIENT_LEFT', target: 'TARGET_LEFT' } as const
export const closed = { client: 'the connection was closed', target: 'the target ended the connection' } as const
/** And when it does not keep to the protocol. */
export const broken = { client: 'PROTOCOL_ERROR', target: 'TARGET_PROTOCOL' } as const

/** Messages that only the other side of user authentication sends (RFC 4252, 4253, 4256); ssh2 would take them. */
const neverSent: Readonly<Record<Peer, ReadonlySet<number>>> = {
  client: new Set([6, 51, 52, 53, 60]),
  target: new Set([5, 50, 61]),
}

/** PROTOCOL_ERROR, as an answer, for a message that this peer never sends. */
export function wrongWay(peer: Peer, number: number): GatewayError | undefined {
  if (!neverSent[peer].has(number)) return undefined
  return new GatewayError('PROTOCOL_ERROR', `message ${number} is not for a ${peer} to send`)
}

/** Messages of authentication that nobody sends when it is over (RFC 4252 section 5.1, RFC 4253 section 10). */
const neverSentLater: typeof neverSent = { client: new Set([5, 50]), target: new Set([6, 51]) }

/** As `wrongWay`, once authentication is over. */
export function tooLate(peer: Peer, number: number): GatewayError | undefined {
  if (!neverSentLater[peer].has(number)) return undefined
  return new GatewayError(broken[peer], `message ${number} after authentication`)
}

/**
 * A target may say again that all is well, show a banner, or ask what nobody answers, and an answer of the client's may come
 * too late: it opens nothing, and nobody hears it.
 */
export const saysNothingLater = (number: number): boolean => [52, 53, 60, 61].includes(number)

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
