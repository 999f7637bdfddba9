import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { contained, toldToOwner } from '../../src/gateway/containment.ts'

/** A server whose connections fail in each way that nothing catches, with a client for each. Run by containment.test.ts. */
const fail = (): never => {
  throw new Error('injected')
}
const ways: Readonly<Record<string, (socket: Socket) => void>> = {
  'event': fail,
  'timer': () => void setTimeout(fail, 1),
  'tick': () => process.nextTick(fail),
  'promise': () => void Promise.reject(new Error('injected')),
  'later promise': async () => {
    await wait(1)
    fail()
  },
  'signal': () => {
    const end = new AbortController()
    end.signal.addEventListener('abort', fail)
    end.abort()
  },
  'callback': (socket) => void socket.write('x', fail),
}

process.on('uncaughtException', (fault) => {
  if (toldToOwner(fault)) return
  console.log('nobody’s')
  process.exit(1)
})
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
