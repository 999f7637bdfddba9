import { once } from 'node:events'
import { createServer } from 'node:net'
import { WireReader, wire } from '../../src/model/wire.ts'

const requestIdentities = 11
const identitiesAnswer = 12
const failure = 5

/** An ssh-agent (RFC draft-miller-ssh-agent) that shows public keys and signs with none. */
export async function showingAgent(path: string, keys: readonly Buffer[]): Promise<AsyncDisposable> {
  const server = createServer((socket) => {
    let got = Buffer.alloc(0)
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk])
        while (got.length >= 4 && got.length >= 4 + got.readUInt32BE(0)) {
          const message = new WireReader(got).string()
          got = got.subarray(4 + message.length)
          const identities = wire(identitiesAnswer, { uint32: keys.length }, ...keys.flatMap((key) => [key, 'a key']))
          socket.write(wire(message[0] === requestIdentities ? identities : wire(failure)))
        }
      })
  }).listen(path)
  await once(server, 'listening')
  return { [Symbol.asyncDispose]: async () => void server.close() }
}
