import type { Socket } from 'node:net'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import type { Milliseconds } from '../model/units.ts'
import { type Peer, type ProxyHeader, readProxyHeader } from './proxy-protocol.ts'

/**
 * Whom a named proxy brings; `itself` when it speaks for itself. What follows the header is left in the socket. Throws
 * PROXY_HEADER for what is none, and when there is none in time.
 */
export function announced(socket: Socket, itself: Peer, patience: Milliseconds): Promise<Peer> {
  const { promise, resolve, reject } = Promise.withResolvers<Peer>()
  let bytes = Buffer.alloc(0)
  const timer = setTimeout(() => fail(new GatewayError('PROXY_HEADER', 'none in time')), patience)
  const left = (): void => fail(new GatewayError('PROXY_HEADER', 'left before it'))
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
    try {
      const header = readProxyHeader(bytes)
      if (header !== undefined) done(header)
    } catch (thrown) {
      fail(asGatewayError(thrown, 'PROXY_HEADER', 'does not read'))
    }
  }
  function stop(): void {
    clearTimeout(timer)
    socket.off('data', take).off('close', left).off('end', left).pause()
  }
  function done({ source, length }: ProxyHeader): void {
    stop()
    if (length < bytes.length) socket.unshift(bytes.subarray(length))
    resolve(source ?? itself)
  }
  function fail(fault: GatewayError): void {
    stop()
    reject(fault)
  }
  socket.on('data', take).on('close', left).on('end', left)
  return promise
}
