import { type ChannelOpen, readBytes, readChosenPort, readForward } from '../ssh/messages.ts'

/**
 * What a client has been granted that lets its target open channels towards it. A `forwarded-tcpip`, `x11` or agent
 * channel that belongs to none of these was asked for by nobody.
 */
export class Forwards {
  /** How many listen on a port: several addresses may, and servers differ in how they spell an address. */
  readonly #ports = new Map<number, number>()
  readonly #sockets = new Set<string>()
  #agent = false
  #x11 = false
  #sessionsClosed = false

  agent(): void {
    this.#agent = true
  }

  x11(): void {
    this.#x11 = true
  }

  noMoreSessions(): void {
    this.#sessionsClosed = true
  }

  get sessionsClosed(): boolean {
    return this.#sessionsClosed
  }

  /** Port 0 leaves the choice to the target, whose reply names it (RFC 4254 section 7.1): without one nothing is awaited. */
  listens(port: number, reply: Buffer | undefined): void {
    const chosen = port === 0 && reply !== undefined ? readChosenPort(reply) : port
    if (chosen === 0) return
    this.#ports.set(chosen, (this.#ports.get(chosen) ?? 0) + 1)
  }

  cancels(port: number): void {
    const left = (this.#ports.get(port) ?? 0) - 1
    if (left > 0) this.#ports.set(port, left)
    else this.#ports.delete(port)
  }

  listensOn(path: string): void {
    this.#sockets.add(path)
  }

  cancelsOn(path: string): void {
    this.#sockets.delete(path)
  }

  /** Whether the target may open this channel. A type that it may never open is awaited by nobody either. */
  awaits(open: ChannelOpen): boolean {
    switch (open.type) {
      case 'forwarded-tcpip':
        return this.#ports.has(readForward(open.details).port)
      case 'forwarded-streamlocal@openssh.com':
        return this.#sockets.has(readBytes(open.details))
      case 'x11':
        return this.#x11
      case 'auth-agent@openssh.com':
        return this.#agent
      default:
        return false
    }
  }
}
