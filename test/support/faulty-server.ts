import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { contained } from '../../src/gateway/containment.ts'
import { endByFaultsOfNobody, fail, leftBehind } from './uncaught.ts'

/** A server whose connections fail in each way that nothing catches, with a client for each. Run by containment.test.ts. */
const ways: Readonly<Record<string, (socket: Socket) => void>> = {
  'event': fail,
  ...leftBehind,
  'callback': (socket) => void socket.write('x', fail),
}

endByFaultsOfNobody()
const server = createServer((socket) => {
  socket.on('error', () => {})
  contained(
    socket,
    () => socket.destroy(),
    () => socket.on('data', (chunk: Buffer) => ways[chunk.toString()]?.(socket)),
  )
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as { port: number }

const other = connect(port, '127.0.0.1')
await once(other, 'connect')
for (const way of Object.keys(ways)) {
  const client = connect(port, '127.0.0.1').on('error', () => {})
  client.resume().write(way)
  await once(client, 'close')
  console.log(`${way}: its connection ended, the other ${other.readyState === 'open' ? 'lives' : 'ended'}`)
}
setTimeout(fail, 1)
