import type { Field, Verdict } from '../model/channel.ts'
import type { ChannelRequest } from '../ssh/messages.ts'
import * as messages from '../ssh/messages.ts'
import type { Channel } from './channel.ts'
import type { Row } from './requests.ts'
import type { Judge, Verdicts, Witness } from './verdicts.ts'

/** Environment requests on one channel that are looked at. */
const variablesMost = 64
/** What a channel may be asked for that keeps it open: a session is a terminal and one program (RFC 4254 section 6.5). */
const standingMost = 4

/** On a request for something on a channel, which is asked for so often at most; `row` is what the table has for it. */
export function verdictOnRequest(
  channel: Channel,
  request: ChannelRequest,
  row: Row<ChannelRequest> | undefined,
  judge: Judge,
  verdicts: Verdicts,
): Verdict {
  const number = channel.numbers.client
  if (row?.stands === true && channel.asks.length >= standingMost)
    return verdicts.refuse(`request ${request.name}`, 'asked for too often', number)
  if (request.name !== 'env') return verdicts.by(row, request, number)
  if (++channel.variables > variablesMost)
    return verdicts.refuse('request env', `more than ${variablesMost} variables`, number)
  const name = messages.readBytes(request.details)
  if (Object.hasOwn(judge.environment(), name)) return { permitted: false, field: 'set-env@regate', because: 'sets it' }
  return verdicts.by(row, request, number)
}

/** What was opened is asked about again whenever the certificate changes, for as long as the channel is there. */
export function stand(
  channel: Channel,
  request: ChannelRequest,
  row: Row<ChannelRequest>,
  field: Field,
  witness: Witness,
): void {
  const ask = row.ask(request)
  if (typeof ask === 'string') return
  channel.asks.push(ask)
  const detail = ask.kind === 'exec' ? ` ${ask.command}` : ask.kind === 'subsystem' ? ` ${ask.name}` : ''
  witness.opened(`request ${request.name}${detail}`, field, channel.numbers.client)
}
