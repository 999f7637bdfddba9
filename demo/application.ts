import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What developers forward to: it listens on 127.0.0.1 alone, says that it is up, and holds whoever has come. */
export interface Application extends AsyncDisposable {
  /** `127.0.0.1:8080`, as a certificate names it. */
  readonly address: string
}

export const applicationSays = 'the application is up'

export async function startApplication(): Promise<Application> {
  const server = createServer((_request, response) => response.write(`${applicationSays}\n`))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
