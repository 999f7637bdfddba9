import { asGatewayError } from '../../model/errors.ts'
import { logEnd } from '../../model/log.ts'
import { printable, printableLines } from '../../model/text.ts'
import type { ChannelEnd } from '../../ssh/channel-end.ts'
import type { Opening } from '../../ssh/endpoint.ts'
import { type ChannelRequest, readBytes, readOnlyBytes } from '../../ssh/messages.ts'
import { type Output, runCommand, withoutTerminal } from './commands.ts'
import type { Visitor, VisitParts } from './visit.ts'

/**
 * A session channel of a connection without a route (RFC 4254 section 6): one program, of which the gateway has a few.
 * Its input is read by the menu alone; a window that is not granted anew bounds the rest.
 */
export function program(visitor: Visitor, parts: VisitParts): Opening {
  let hasTerminal = false
  let isRunning = false
  const run = (channel: ChannelEnd, begin: () => Promise<Output>): boolean => {
    if (isRunning) return false
    isRunning = true
    void finish(channel, begin(), hasTerminal, parts)
    return true
  }
  const requested = (request: ChannelRequest, channel: ChannelEnd): boolean => {
    switch (request.name) {
      case 'pty-req':
        hasTerminal = true
        return !isRunning
      case 'exec': {
        const command = readOnlyBytes(request.details)
        return run(channel, () => runCommand(command, visitor, parts, over(channel)))
      }
      case 'shell':
        return run(channel, () => withoutTerminal(visitor, parts, over(channel)))
      case 'subsystem': {
        const name = printable(readBytes(request.details), 60)
        return run(channel, async () => ({ status: 1, stderr: `${name} refused: this connection leads to no host` }))
      }
      case 'env':
      case 'window-change':
        return true
      default:
        return false
    }
  }
  return { outcome: 'taken', window: 4_096, packetMost: 4_096, requested }
}

/** What a program says is made fit for a terminal here, and nowhere else. */
async function finish(
  channel: ChannelEnd,
  running: Promise<Output>,
  hasTerminal: boolean,
  { log }: VisitParts,
): Promise<void> {
  const ending = hasTerminal ? '\r\n' : '\n'
  const fit = (text: string): string => printableLines(`${text.trimEnd()}\n`).replaceAll('\n', ending)
  try {
    const { status, stdout = '', stderr = '' } = await running
    if (stdout !== '') channel.write(fit(stdout))
    if (stderr !== '') channel.stderr.write(fit(`regate: ${stderr}`))
    channel.exit(status)
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
    logEnd(log, fault, 'a command did not end well')
    channel.stderr.write(fit(`regate: the gateway could not answer (${fault.code})`))
    channel.exit(1)
  }
}

/** Aborted when nobody listens any more. */
function over(channel: ChannelEnd): AbortSignal {
  const end = new AbortController()
  channel.once('close', () => end.abort())
  return end.signal
}
