import { once } from 'node:events'
import { createServer } from 'node:net'
import { WireReader, wire } from '../../src/model/wire.ts'

const request = { identities: 11, sign: 13 } as const
const answer = { failure: 5, identities: 12, signature: 14 } as const

/** Signs with the key of that place in the list. */
export type Sign = (key: number, data: Buffer) => Buffer

/** An ssh-agent (RFC draft-miller-ssh-agent) that shows public keys; without `sign` it signs with none. */
export async function showingAgent(path: string, keys: readonly Buffer[], sign?: Sign): Promise<AsyncDisposable> {
  const reply = (message: Buffer): Buffer => {
    const reader = new WireReader(message)
    const kind = reader.byte()
    if (kind === request.identities)
      return wire(answer.identities, { uint32: keys.length }, ...keys.flatMap((key) => [key, 'a key']))
    if (kind !== request.sign || sign === undefined) return wire(answer.failure)
    const wanted = reader.string()
    const at = keys.findIndex((key) => key.equals(wanted))
    return at < 0 ? wire(answer.failure) : wire(answer.signature, sign(at, reader.string()))
  }
  const server = createServer((socket) => {
    let got = Buffer.alloc(0)
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk])
        while (got.length >= 4 && got.length >= 4 + got.readUInt32BE(0)) {
          const message = new WireReader(got).string()
          got = got.subarray(4 + message.length)
          socket.write(wire(reply(message)))
        }
      })
  }).listen(path)
  await once(server, 'listening')
  return { [Symbol.asyncDispose]: async () => void server.close() }
}
