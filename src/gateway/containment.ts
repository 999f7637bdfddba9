import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'

/** Hears of a fault that nothing caught, in what was done for it. */
type Owner = (thrown: unknown) => void

const owners = new AsyncLocalStorage<Owner>()

/**
 * Does something on behalf of one connection, together with all that comes of it later: timers, promises, and every event
 * of the socket. A fault in there that nothing catches is told to `owner`, and to nobody else.
 */
export function contained(socket: Socket, owner: Owner, act: () => void): void {
  owners.run(owner, () => {
    const inside = new AsyncResource('connection')
    const emit: (this: Socket, name: string | symbol, ...details: unknown[]) => boolean = socket.emit
    // A socket's events come from outside of everything that was begun here.
    socket.emit = (...event: [string | symbol, ...unknown[]]): boolean =>
      inside.runInAsyncScope(() => {
        try {
          return emit.apply(socket, event)
        } catch (thrown) {
          owner(thrown)
          return true
        }
      })
    act()
  })
}

/** To be called for what nothing caught. False: it was done for no connection. */
export function toldToOwner(thrown: unknown): boolean {
  const owner = owners.getStore()
  owner?.(thrown)
  return owner !== undefined
}
