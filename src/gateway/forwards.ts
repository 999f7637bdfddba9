import {
  type ChannelOpen,
  type GlobalRequest,
  readBytes,
  readChosenPort,
  readForward,
  readListener,
} from '../ssh/messages.ts'
import type { TargetOpen } from '../ssh/requests.ts'

/**
 * What a client has asked for and been granted that lets its target open channels towards it. A `forwarded-tcpip`, `x11`
 * or agent channel that belongs to none of these was asked for by nobody.
 */
export class Forwards {
  readonly #ports = new Map<number, number>()
  readonly #sockets = new Set<string>()
  #agent = false
  #x11 = false

  agent(): void {
    this.#agent = true
  }

  x11(): void {
    this.#x11 = true
  }

  /** The target granted the request; `reply` names the port when it was left to choose it. */
  granted(request: GlobalRequest, reply: Buffer): void {
    if (request.name === 'streamlocal-forward@openssh.com') this.#sockets.add(readBytes(request.details))
    else if (request.name === 'cancel-streamlocal-forward@openssh.com') this.#sockets.delete(readBytes(request.details))
    else if (request.name === 'tcpip-forward') this.#count(portOf(request) || readChosenPort(reply), 1)
    else if (request.name === 'cancel-tcpip-forward') this.#count(portOf(request), -1)
  }

  /** Several addresses may listen on one port; how the target spells the address differs from server to server. */
  #count(port: number, change: 1 | -1): void {
    const listeners = (this.#ports.get(port) ?? 0) + change
    if (listeners > 0) this.#ports.set(port, listeners)
    else this.#ports.delete(port)
  }

  awaits(type: TargetOpen, open: ChannelOpen): boolean {
    switch (type) {
      case 'forwarded-tcpip':
        return this.#ports.has(readForward(open.details).port)
      case 'forwarded-streamlocal@openssh.com':
        return this.#sockets.has(readBytes(open.details))
      case 'x11':
        return this.#x11
      case 'auth-agent@openssh.com':
        return this.#agent
    }
  }
}

const portOf = (request: GlobalRequest): number => readListener(request.details).port
