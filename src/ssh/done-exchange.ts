import { Shared } from '../model/shared.ts'
import type { Exchange, Negotiated, Protocol } from './ssh2.ts'

/** Once keys are in use: the ephemeral keys, the secret and the hashed messages are let go. ssh2 asks for no more than this. */
export function forgetKeyExchange(protocol: Protocol): void {
  const exchange = protocol._kex
  if (exchange !== undefined && !(exchange instanceof DoneExchange)) protocol._kex = new DoneExchange(exchange)
}

/** A text takes a tenth of what bytes of their own do, and is asked for at the next exchange alone. */
class DoneExchange implements Exchange {
  readonly negotiated: Negotiated
  readonly #sessionId: string

  constructor({ sessionID, negotiated }: Exchange) {
    this.negotiated = sharedAgreement(negotiated)
    this.#sessionId = sessionID.toString('latin1')
  }

  get sessionID(): Buffer {
    return Buffer.from(this.#sessionId, 'latin1')
  }
}

/** Each name is one of our own lists, so there are not many. */
const agreements = new Shared<Negotiated>(256)

/** The names are pieces of the lists that the peer has sent; a copy holds on to none of it. */
function sharedAgreement(negotiated: Negotiated): Negotiated {
  const text = JSON.stringify(negotiated)
  return agreements.of(text, () => JSON.parse(text) as Negotiated)
}
