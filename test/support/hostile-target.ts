import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { wire } from '../../src/model/wire.ts'
import { MSG, readChannelOpen } from '../../src/ssh/messages.ts'
import { type Insides, messageHandlers, type Protocol, Server, sendMessage } from '../../src/ssh/ssh2.ts'
import type { Workspace } from './workspace.ts'

/** A target that lets everybody in and then does as it is told; the last connection is the one that counts. */
export interface HostileTarget {
  readonly port: number
  readonly hostKey: string
  readonly socket: Socket | undefined
  send(message: Uint8Array): void
  /** The next message with this number on the last connection. */
  next(number: number): Promise<Buffer>
  /** Refuses the next channel with this text. */
  refuseNext(text: string): void
  close(): void
}

export async function hostileTarget(workspace: Workspace): Promise<HostileTarget> {
  const path = workspace.key('evil-host')
  let last: Insides | undefined
  let received: Buffer[] = []
  let refusal: string | undefined
  const wakes = new Set<() => void>()
  const mine = new WeakSet<Protocol>()
  const take = (protocol: Protocol, payload: Uint8Array): void => {
    const message = Buffer.from(payload)
    received.push(message)
    for (const wake of wakes) wake()
    if (message[0] !== MSG.channelOpen) return
    const sender = { uint32: readChannelOpen(message).sender }
    if (refusal === undefined)
      sendMessage(
        protocol,
        wire(MSG.channelOpenConfirmation, sender, { uint32: 0 }, { uint32: 0x7fff_ffff }, { uint32: 32_768 }),
      )
    else sendMessage(protocol, wire(MSG.channelOpenFailure, sender, { uint32: 2 }, refusal, ''))
    refusal = undefined
  }
  for (let number = 80; number <= 100; number++) {
    const original = messageHandlers[number]
    messageHandlers[number] = (protocol, payload) =>
      mine.has(protocol) ? take(protocol, payload) : original?.(protocol, payload)
  }
  const server = new Server({ hostKeys: [readFileSync(path)] }, (client) => {
    client.on('error', () => {}).on('authentication', (context) => context.accept())
    last = client as unknown as Insides
    mine.add(last._protocol)
    received = []
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    hostKey: workspace.read('evil-host.pub').split(' ').slice(0, 2).join(' '),
    get socket() {
      return last?._sock as Socket | undefined
    },
    send: (message) =>
      void (last !== undefined && last._protocol._destruct !== undefined && sendMessage(last._protocol, message)),
    next: (number) =>
      new Promise((resolve) => {
        const look = (): void => {
          const at = received.findIndex((message) => message[0] === number)
          const [message] = at < 0 ? [] : received.splice(at, 1)
          if (message === undefined) return
          wakes.delete(look)
          resolve(message)
        }
        wakes.add(look)
        look()
      }),
    refuseNext(text) {
      refusal = text
    },
    close: () => void server.close(),
  }
}
