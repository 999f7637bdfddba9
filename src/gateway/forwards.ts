import type { Ask } from '../model/channel.ts'
import {
  type ChannelOpen,
  type GlobalRequest,
  listenerDetails,
  readBytes,
  readChosenPort,
  readForward,
  readListener,
  readOnlyBytes,
} from '../ssh/messages.ts'

type Flag = 'agent' | 'x11'

/** Something that the target listens on for the client. */
interface Listening {
  readonly ask: Ask
  /** The port that it really is, also when the target chose it; absent for a socket. */
  readonly port?: number
  /** The request that ends it, as the client would send it. */
  readonly cancel: { readonly name: string; readonly details: Buffer }
}

/**
 * What a client has been granted that lets its target open channels towards it. A `forwarded-tcpip`, `x11` or agent
 * channel that belongs to none of these was asked for by nobody.
 */
export class Forwards {
  #listening: readonly Listening[] = []
  #flags: readonly Flag[] = []
  #sessionsClosed = false

  /** How many there are. */
  get listening(): number {
    return this.#listening.length
  }

  flag(name: Flag): void {
    if (!this.#flags.includes(name)) this.#flags = [...this.#flags, name]
  }

  noMoreSessions(): void {
    this.#sessionsClosed = true
  }

  get sessionsClosed(): boolean {
    return this.#sessionsClosed
  }

  /** Port 0 leaves the choice to the target, whose reply names it (RFC 4254 section 7.1): without one nothing is awaited. */
  listens({ details }: GlobalRequest, reply: Buffer | undefined): void {
    const { host, port } = readListener(details)
    const chosen = port === 0 && reply !== undefined ? readChosenPort(reply) : port
    if (chosen === 0) return
    const cancel = { name: 'cancel-tcpip-forward', details: listenerDetails(host, chosen) }
    this.#listening = [...this.#listening, { ask: { kind: 'tcpip-forward', host, port }, port: chosen, cancel }]
  }

  cancels({ details }: GlobalRequest): void {
    this.#drop(this.#on(readListener(details)))
  }

  /** Several addresses may be on the port; servers differ in how they spell one. */
  #on({ host, port }: { readonly host: string; readonly port: number }): Listening | undefined {
    const onPort = this.#listening.filter((one) => one.port === port)
    return onPort.find(({ ask }) => ask.kind === 'tcpip-forward' && ask.host === host) ?? onPort[0]
  }

  listensOn({ details }: GlobalRequest): void {
    const path = readOnlyBytes(details)
    const cancel = { name: 'cancel-streamlocal-forward@openssh.com', details: Buffer.from(details) }
    this.#listening = [...this.#listening, { ask: { kind: 'streamlocal-forward', path }, cancel }]
  }

  cancelsOn({ details }: GlobalRequest): void {
    const path = readOnlyBytes(details)
    this.#drop(this.#listening.find(({ ask }) => ask.kind === 'streamlocal-forward' && ask.path === path))
  }

  /** What was granted by which the target may open this channel. A type that it may never open is awaited by nobody. */
  awaits(open: ChannelOpen): Ask | undefined {
    switch (open.type) {
      case 'forwarded-tcpip':
        return this.#on(readForward(open.details))?.ask
      case 'forwarded-streamlocal@openssh.com': {
        const path = readBytes(open.details)
        return this.#listening.find(({ ask }) => ask.kind === 'streamlocal-forward' && ask.path === path)?.ask
      }
      case 'x11':
        return this.#flags.includes('x11') ? { kind: 'x11' } : undefined
      case 'auth-agent@openssh.com':
        return this.#flags.includes('agent') ? { kind: 'agent' } : undefined
      default:
        return undefined
    }
  }

  /** Forgets what is permitted no more; answers what the target must be told to listen on no longer. */
  narrow(permitted: (ask: Ask) => boolean): Listening['cancel'][] {
    this.#flags = this.#flags.filter((kind) => permitted({ kind }))
    const lost = this.#listening.filter(({ ask }) => !permitted(ask))
    this.#listening = this.#listening.filter((one) => !lost.includes(one))
    return lost.map(({ cancel }) => cancel)
  }

  #drop(one: Listening | undefined): void {
    this.#listening = this.#listening.filter((other) => other !== one)
  }
}
