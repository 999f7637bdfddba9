import type { AddressInfo } from 'node:net'
import { GatewayError } from '../model/errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** What was begun in order to listen at the address that stands in that section of the configuration. LISTEN_FAILED when it cannot be had. */
export async function listening<T>(section: string, { host, port }: ListenAddress, begun: Promise<T>): Promise<T> {
  try {
    return await begun
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw new GatewayError('LISTEN_FAILED', `${section}.listen: ${host}:${port} cannot be had: ${why}`, { cause })
  }
}

/** Where a server listens on TCP; 0 when it does not. */
export function portOf(server: { address(): AddressInfo | string | null } | undefined): number {
  const address = server?.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
