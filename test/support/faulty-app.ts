import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { anApp } from './http.ts'
import { endByFaultsOfNobody, fail, leftBehind } from './uncaught.ts'

/**
 * The HTTP side with one more route, whose requests fail in each way that nothing catches, and a client for each: by its first
 * request, and by its second. Run by containment.test.ts.
 */
const ways: Readonly<Record<string, (request: FastifyRequest, reply: FastifyReply) => void>> = {
  'event': ({ raw }) => void raw.once('data', fail),
  ...leftBehind,
  'callback': (_request, reply) => void reply.hijack().raw.write('x', fail),
}

endByFaultsOfNobody()
let faults = 0
const { app } = anApp({ faulted: () => faults++ })
app.addHook('onRequest', async (request, reply) => {
  const way = ways[decodeURIComponent(request.url.slice('/fail/'.length))]
  if (way === undefined) return
  way(request, reply)
  await once(request.raw, 'close')
})
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as { port: number }

const asCi = 'Authorization: Bearer secret\r\n'
const other = await open()
for (const way of Object.keys(ways))
  for (const before of [0, 1]) {
    const client = await open()
    for (let number = 0; number < before; number++) await answered(client)
    client.write(`POST /fail/${encodeURIComponent(way)} HTTP/1.1\r\nHost: x\r\n${asCi}Content-Length: 9\r\n\r\nsome`)
    await once(client, 'close')
    await answered(other)
    console.log(`${way}, after ${before}: its connection ended, the other lives, ${faults} counted`)
  }
setTimeout(fail, 1)

async function open(): Promise<Socket> {
  const client = connect(port, '127.0.0.1').on('error', () => {})
  await once(client, 'connect')
  return client.resume()
}

async function answered(client: Socket): Promise<void> {
  const said = once(client, 'data')
  client.write('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n')
  const [answer] = (await said) as [Buffer]
  if (!answer.toString().startsWith('HTTP/1.1 200 ')) throw new Error(answer.toString())
}
