import { asGatewayError } from '../../model/errors.ts'
import { logEnd } from '../../model/log.ts'
import { printable, printableLines } from '../../model/text.ts'
import type { ChannelEnd } from '../../ssh/channel-end.ts'
import type { Opening } from '../../ssh/endpoint.ts'
import { type ChannelRequest, readBytes, readOnlyBytes, readTerminal, readVariable } from '../../ssh/messages.ts'
import { choose } from './choose.ts'
import { type Output, runCommand, withoutTerminal } from './commands.ts'
import { MenuRun } from './menu-run.ts'
import type { Terminal } from './screen.ts'
import type { Replayed } from './takeover.ts'
import type { Visit, VisitParts } from './visit.ts'

/** What a client may ask for before its program, and bytes of each. */
const requestsMost = 64
const detailsMost = 4_096

/**
 * A session channel of a connection without a route (RFC 4254 section 6): one program, of which the gateway has a few.
 * Its input is read by the menu alone; a window that is not granted anew bounds the rest.
 */
export function program(visit: Visit, parts: VisitParts): Opening {
  return { outcome: 'taken', window: 4_096, packetMost: 4_096, begin: (channel) => new Program(channel, visit, parts) }
}

class Program {
  readonly #channel: ChannelEnd
  readonly #visit: Visit
  readonly #parts: VisitParts
  /** Made again at a target, should one be chosen. */
  #requests: readonly Replayed[] = []
  #size: { readonly columns: number; readonly rows: number } | undefined
  #type = ''
  #hasColours = true
  #isRunning = false
  #menu: MenuRun | undefined

  constructor(channel: ChannelEnd, visit: Visit, parts: VisitParts) {
    this.#channel = channel
    this.#visit = visit
    this.#parts = parts
    channel.requested = (request) => this.#requested(request)
  }

  #requested(request: ChannelRequest): boolean {
    const { visitor } = this.#visit
    switch (request.name) {
      case 'pty-req':
      case 'env':
      case 'auth-agent-req@openssh.com':
      case 'x11-req':
        return !this.#isRunning && this.#keep(request)
      case 'window-change':
        return this.#resize(request)
      case 'exec': {
        const command = readOnlyBytes(request.details)
        return this.#run(() => runCommand(command, visitor, this.#parts, this.#over()))
      }
      case 'shell':
        return this.#run(() =>
          this.#size === undefined ? withoutTerminal(visitor, this.#parts, this.#over()) : this.#runMenu(),
        )
      case 'subsystem': {
        const name = printable(readBytes(request.details), 60)
        return this.#run(async () => ({ status: 1, stderr: `${name} refused: this connection leads to no host` }))
      }
      default:
        return false
    }
  }

  #keep({ name, details }: ChannelRequest): boolean {
    if (this.#requests.length >= requestsMost || details.length > detailsMost) return false
    if (name !== 'env' && this.#requests.some((one) => one.name === name)) return false
    if (name === 'pty-req') {
      const { type = '', columns, rows } = readTerminal({ name, details })
      this.#type = type
      this.#size = { columns, rows }
    }
    if (name === 'env' && readVariable(details).name === 'NO_COLOR') this.#hasColours = false
    this.#requests = [...this.#requests, { name, details: Buffer.from(details) }]
    return true
  }

  /** What a client says of its size is a number that it may have made up. */
  #terminal(): Terminal {
    const { columns, rows } = this.#size ?? { columns: 0, rows: 0 }
    const moves = !['', 'dumb', 'unknown'].includes(this.#type)
    const within = (size: number, usual: number): number => (size === 0 ? usual : Math.min(size, 500))
    return { columns: within(columns, 80), rows: within(rows, 24), moves, marks: moves && this.#hasColours }
  }

  #resize(request: ChannelRequest): boolean {
    if (this.#size === undefined || request.details.length > detailsMost) return false
    const { columns, rows } = readTerminal(request)
    this.#size = { columns, rows }
    const { name, details } = request
    this.#requests = [...this.#requests.filter((one) => one.name !== name), { name, details: Buffer.from(details) }]
    this.#menu?.show()
    return true
  }

  #run(begin: () => Promise<Output | undefined>): boolean {
    if (this.#isRunning) return false
    this.#isRunning = true
    void this.#finish(begin())
    return true
  }

  async #runMenu(): Promise<Output | undefined> {
    const { visitor } = this.#visit
    this.#menu = new MenuRun(this.#channel, visitor, this.#parts.settings.gateway, {
      terminal: () => this.#terminal(),
      go: async (choice, signal) => {
        this.#visit.isChoosing = true
        const refused = await choose(choice, this.#channel, () => this.#requests, this.#visit, this.#parts, signal)
        this.#visit.isChoosing = false
        return refused?.lines.join(' ')
      },
    })
    return await this.#menu.run(visitor, this.#parts, this.#over())
  }

  /** What a program says is made fit for a terminal here, and nowhere else. */
  async #finish(running: Promise<Output | undefined>): Promise<void> {
    const channel = this.#channel
    const ending = this.#size === undefined ? '\n' : '\r\n'
    const fit = (text: string): string => printableLines(`${text.trimEnd()}\n`).replaceAll('\n', ending)
    try {
      const output = await running
      if (output === undefined) return
      const { status, stdout = '', stderr = '' } = output
      if (stdout !== '') channel.write(fit(stdout))
      if (stderr !== '') channel.stderr.write(fit(`regate: ${stderr}`))
      channel.exit(status)
    } catch (thrown) {
      const fault = asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own')
      logEnd(this.#parts.log, fault, 'a command did not end well')
      channel.stderr.write(fit(`regate: the gateway could not answer (${fault.code})`))
      channel.exit(1)
    }
  }

  /** Aborted when nobody listens any more. */
  #over(): AbortSignal {
    const end = new AbortController()
    this.#channel.once('close', () => end.abort())
    return end.signal
  }
}
