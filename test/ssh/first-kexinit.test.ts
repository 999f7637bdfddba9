import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { mock, test } from 'node:test'
import { newKey } from '../../src/certificate/new-key.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { createSshServer } from '../../src/ssh/server.ts'

/* One client that says who it is, and then nothing. */
const hostKeys = [Buffer.from(newKey('host').privateKey)]
const MSG_KEXINIT = 20

interface Greeted extends AsyncDisposable {
  readonly client: Socket
  /** What the gateway has sent so far. */
  sent(): string
}

async function greeted(identification: string): Promise<Greeted> {
  const ssh = createSshServer({ hostKeys, keyExchange: 'any', limits: () => rekeyLimits })
  const read = Promise.withResolvers<void>()
  const written: Buffer[] = []
  const server = createServer(async (socket) => {
    const { write } = socket
    socket.write = ((...args: Parameters<typeof write>) => {
      written.push(Buffer.from(args[0]))
      return write.apply(socket, args)
    }) as typeof write
    await ssh.handshake(socket)
    read.resolve()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port, '127.0.0.1')
  client.write(`${identification}\r\n`)
  await read.promise
  return {
    client,
    sent: () => Buffer.concat(written).toString('latin1'),
    async [Symbol.asyncDispose]() {
      client.destroy()
      server.close()
    },
  }
}

/** Length, length of the padding, then the number of the message (RFC 4253 section 6). */
const hasKexinit = (sent: string): boolean => sent.split('\r\n').slice(1).join('\r\n').charCodeAt(5) === MSG_KEXINIT

test('OpenSSH’s KEXINIT is waited for, so that ours acknowledges it; a client that waits for ours gets it in time', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    await using one = await greeted('SSH-2.0-OpenSSH_9.2p1 Debian')
    assert.match(one.sent(), /^SSH-2\.0-\S+\r\n$/)
    mock.timers.tick(499)
    assert.match(one.sent(), /^SSH-2\.0-\S+\r\n$/)
    mock.timers.tick(1)
    assert.ok(hasKexinit(one.sent()), 'before anything keeps the client awake, which must not come first')
  } finally {
    mock.timers.reset()
  }
})

test('other clients may be waiting for it, and get it at once', async () => {
  await using one = await greeted('SSH-2.0-PuTTY_Release_0.83')
  assert.ok(hasKexinit(one.sent()))
})

test('it answers a KEXINIT with which nothing is in common: so the client can say what it was offered', async () => {
  await using one = await greeted('SSH-2.0-OpenSSH_9.2p1 Debian')
  const list = (text: string): Buffer => Buffer.concat([uint32(text.length), Buffer.from(text)])
  const payload = Buffer.concat([
    Buffer.from([MSG_KEXINIT]),
    Buffer.alloc(16),
    ...Array(10).fill(list('what@example.com')),
    Buffer.alloc(5),
  ])
  const padding = 8 - ((5 + payload.length) % 8) + 8
  one.client.write(
    Buffer.concat([uint32(1 + payload.length + padding), Buffer.from([padding]), payload, Buffer.alloc(padding)]),
  )
  one.client.resume()
  await once(one.client, 'close')
  assert.ok(hasKexinit(one.sent()))
})

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
