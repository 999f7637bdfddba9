import type { Ask } from '../model/channel.ts'
import { printable } from '../model/text.ts'
import { type ChannelOpen, openFailureReason } from '../ssh/messages.ts'
import type { Channels } from './channels.ts'
import type { Forwards } from './forwards.ts'
import * as requests from './requests.ts'
import { textOf, type Verdicts } from './verdicts.ts'

/** What was asked of the certificate, if anything had to be; or the reason and text of a CHANNEL_OPEN_FAILURE. */
export type OpenAnswer = { readonly ask?: Ask } | { readonly reason: number; readonly text: string }

/** Whether a channel may be opened, by either side (RFC 4254 section 5.1). */
export class Openings {
  readonly #verdicts: Verdicts
  readonly #channels: Channels
  readonly #forwards: Forwards
  readonly #most: number

  /** `most` channels are open or being opened at once. */
  constructor(verdicts: Verdicts, channels: Channels, forwards: Forwards, most: number) {
    this.#verdicts = verdicts
    this.#channels = channels
    this.#forwards = forwards
    this.#most = most
  }

  byClient(open: ChannelOpen): OpenAnswer {
    const what = `channel ${open.type}`
    const row = requests.rowOf(requests.clientOpens, open.type)
    if (this.#channels.size >= this.#most) return this.#tooMany(what)
    if (row === undefined)
      return this.#refuse(what, `${printable(open.type, 60)} is not carried`, openFailureReason.unknownType)
    if (open.type === 'session' && this.#forwards.sessionsClosed)
      return this.#refuse(what, 'no more sessions were asked for')
    const ask = row.ask({ ...open, openSessions: this.#channels.sessions })
    const verdict = this.#verdicts.on(what, ask)
    if (!verdict.permitted) return { reason: openFailureReason.prohibited, text: textOf(verdict) }
    return typeof ask === 'string' ? {} : { ask }
  }

  byTarget(open: ChannelOpen): OpenAnswer {
    const what = `channel ${open.type}`
    if (this.#channels.size >= this.#most) return this.#tooMany(what)
    const row = requests.rowOf(requests.targetOpens, open.type)
    if (row === undefined)
      return this.#refuse(what, `${printable(open.type, 60)} is not carried`, openFailureReason.unknownType)
    const ask = this.#forwards.awaits(open)
    return ask === undefined ? this.#refuse(what, 'not asked for') : { ask }
  }

  #tooMany(what: string): OpenAnswer {
    return this.#refuse(what, `no more than ${this.#most} channels`, openFailureReason.resourceShortage)
  }

  #refuse(what: string, because: string, reason: number = openFailureReason.prohibited): OpenAnswer {
    return { reason, text: textOf(this.#verdicts.refuse(what, because)) }
  }
}
