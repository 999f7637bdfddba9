import type { Opening } from '../../ssh/endpoint.ts'
import { openFailureReason } from '../../ssh/messages.ts'
import type { Visitor, VisitParts } from './visit.ts'

/** Where a `direct-tcpip` channel of a connection without a route leads. */
export interface Destination {
  readonly host: string
  readonly port: number
}

/** Jumps are not carried in this version. */
export function jump(_to: Destination, _visitor: Visitor, _parts: VisitParts): Opening {
  return { outcome: 'refused', reason: openFailureReason.prohibited, text: 'jumps are not carried in this version' }
}
