import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { mock, test } from 'node:test'
import { queryObjects } from 'node:v8'
import { newKey } from '../../src/certificate/new-key.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { WireReader, wire } from '../../src/model/wire.ts'
import type { KeyExchangeRule } from '../../src/ssh/algorithms.ts'
import { type RekeyLimits, rekeyLimits, rekeyPatience } from '../../src/ssh/key-renewal.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { MSG } from '../../src/ssh/messages.ts'
import { createSshServer } from '../../src/ssh/server.ts'
import { type Insides, Server } from '../../src/ssh/ssh2.ts'
import { type RawClient, type RawOptions, rawClient } from '../support/ssh-client.ts'

/* One leg alone: a server that lets everybody in and gives every channel message back, and a client that does as it is told. */
const host = newKey('host')
const alice = newKey('alice')
const { IncomingClient } = Server as unknown as { readonly IncomingClient: new () => object }

interface Lone extends AsyncDisposable {
  readonly port: number
  /** Of the first client. */
  readonly leg: Promise<Leg>
}

const echo = (leg: Leg): void => leg.relay((message) => leg.answer(Buffer.from(message)))

async function alone(
  limits: RekeyLimits = rekeyLimits,
  keyExchange: KeyExchangeRule = 'any',
  carry: (leg: Leg) => void = echo,
): Promise<Lone> {
  const ssh = createSshServer({ hostKeys: [Buffer.from(host.privateKey)], keyExchange, limits: () => limits })
  const first = Promise.withResolvers<Leg>()
  const sockets = new Set<Socket>()
  const server = createServer(async (socket) => {
    sockets.add(socket)
    const client = await ssh.handshake(socket).catch(() => undefined)
    if (client === undefined) return
    const { leg } = client
    first.resolve(leg)
    for await (const attempt of client.attempts()) {
      if (attempt.method !== 'publickey') attempt.refuse(['publickey'])
      else if (!attempt.proof) attempt.sign()
      else {
        attempt.accept()
        return carry(leg)
      }
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    leg: first.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const login = (port: number, options: Partial<RawOptions> = {}): Promise<RawClient> =>
  rawClient({
    port,
    username: 'alice',
    authHandler: [{ type: 'publickey', username: 'alice', key: alice.privateKey }],
    ...options,
  })
/** A client that has not signed in, and hears what stock clients keep for themselves. */
const stranger = (port: number): Promise<RawClient> =>
  rawClient({ port, username: 'alice', until: 'handshake', raw: true })

const numbered = (number: number): Buffer =>
  wire(MSG.channelData, { uint32: number }, Buffer.alloc(32_768 - 9, number % 256))

const everyMebibyte = { ...rekeyLimits, rekeyBytes: 1024 ** 2 }

test('the gateway changes keys by itself after so many bytes, and nothing is lost under load', async () => {
  await using server = await alone(everyMebibyte)
  using client = await login(server.port)
  let exchanges = 0
  client.ssh.on('handshake', () => exchanges++)
  for (let round = 0; round < 8; round++) {
    for (let number = 0; number < 32; number++) client.send(numbered(number))
    for (let number = 0; number < 32; number++)
      assert.ok((await client.next(MSG.channelData)).equals(numbered(number)), `message ${number}`)
  }
  assert.ok(exchanges >= 8, `${exchanges} exchanges for 16 MiB`)
})

test('nor when the client changes keys at the same moment, while more waits than is held back for', async () => {
  await using server = await alone(everyMebibyte)
  using client = await login(server.port)
  for (let number = 0; number < 128; number++) {
    if (number % 24 === 0) client.rekey()
    client.send(numbered(number))
  }
  for (let number = 0; number < 128; number++)
    assert.ok((await client.next(MSG.channelData)).equals(numbered(number)), `message ${number}`)
})

/** Carries what the first two clients send from one to the other, as the relay does. */
function pair(): (leg: Leg) => void {
  let first: Leg | undefined
  return (leg) => {
    const other = first
    first ??= leg
    if (other === undefined) return
    const carry = (from: Leg, to: Leg): void =>
      from.relay((message) => {
        to.pass(message, from)
        from.yieldTo(to)
      })
    carry(leg, other)
    carry(other, leg)
  }
}

test('two legs that change keys at once, while each waits for the other, do not wait for ever', async () => {
  await using server = await alone(everyMebibyte, 'any', pair())
  using one = await login(server.port)
  using two = await login(server.port)
  for (const client of [one, two]) {
    client.pause()
    for (let number = 0; number < 192; number++) client.send(numbered(number))
    client.rekey()
    for (let number = 192; number < 256; number++) client.send(numbered(number))
  }
  for (const client of [one, two]) client.resume()
  for (let number = 0; number < 256; number++)
    for (const client of [one, two])
      assert.ok((await client.next(MSG.channelData)).equals(numbered(number)), `message ${number}`)
})

test('who sends on and on, and does not answer the exchange of keys, is cut before it costs much', async () => {
  await using server = await alone(everyMebibyte, 'any', pair())
  using one = await login(server.port)
  using two = await login(server.port)
  one.pause()
  two.pause()
  for (let number = 0; number < 640; number++) one.send(numbered(number)) // 20 MiB
  const leg = await server.leg
  if (!leg.signal.aborted) await once(leg.signal, 'abort')
  assert.match(String(leg.signal.reason), /sends without end during a key exchange/)
})

test('a leg that waits for the other’s reader changes its keys meanwhile: that wait has no end, the exchange has', async () => {
  await using server = await alone({ ...rekeyLimits, rekeyAfter: 300 as Milliseconds }, 'any', pair())
  using one = await login(server.port)
  using two = await login(server.port)
  two.pause()
  for (let number = 0; number < 200; number++) one.send(numbered(number))
  const leg = await server.leg
  const held = Promise.withResolvers<void>()
  const pauseReading = leg.pauseReading.bind(leg)
  leg.pauseReading = () => {
    pauseReading()
    held.resolve()
  }
  await held.promise
  await once(one.ssh, 'handshake')
  await once(one.ssh, 'handshake')
})

test('it changes keys by itself after some time, without a byte', async () => {
  await using server = await alone({ ...rekeyLimits, rekeyAfter: 40 as Milliseconds })
  using client = await login(server.port)
  await once(client.ssh, 'handshake')
  await once(client.ssh, 'handshake')
})

for (const [rule, begin] of [
  ['the client began', (client: RawClient) => client.rekey()],
  ['the gateway began', (client: RawClient) => client.send(numbered(1))],
] as const)
  test(`a key exchange that ${rule} and nobody ends is cut after a minute`, async () => {
    await using server = await alone({ ...rekeyLimits, rekeyBytes: 1 })
    using client = await login(server.port)
    const leg = await server.leg
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      client.pause()
      const begun = Promise.withResolvers<void>()
      const arrived = leg.arrived.bind(leg)
      leg.arrived = (number, length) => {
        if (number === 20) begun.resolve()
        return arrived(number, length)
      }
      const relayed = leg.connectionMessage.bind(leg)
      leg.connectionMessage = (message) => {
        relayed(message)
        begun.resolve()
      }
      begin(client)
      await begun.promise
      mock.timers.tick(rekeyPatience - 1)
      assert.equal(leg.signal.aborted, false)
      mock.timers.tick(1)
      assert.match(String(leg.signal.reason), /the key exchange took too long/)
    } finally {
      mock.timers.reset()
    }
  })

for (const [when, come] of [
  ['before anybody has signed in', stranger],
  ['and after', login],
] as const) {
  test(`an unknown message is answered by its number, ${when}`, async () => {
    await using server = await alone()
    using client = await come(server.port)
    const { _protocol: protocol } = client.ssh as unknown as Insides
    const sequence = (protocol as unknown as { _cipher: { outSeqno: number } })._cipher.outSeqno
    client.send(wire(250, 'what is this'))
    client.send(wire(251))
    for (const number of [sequence, sequence + 1])
      assert.deepEqual(await client.next(3), wire(3, { uint32: number }), 'SSH_MSG_UNIMPLEMENTED')
  })

  test(`a ping has its pong, ${when}`, async () => {
    await using server = await alone()
    using client = await come(server.port)
    client.send(wire(192, 'are you there'))
    assert.deepEqual(await client.next(193), wire(193, 'are you there'))
  })
}

test('unknown messages are answered a hundred times', async () => {
  await using server = await alone()
  using client = await login(server.port)
  for (let number = 0; number <= 100; number++) client.send(wire(250))
  await client.closed
  assert.match(String((await server.leg).signal.reason), /too many unknown messages/)
})

test('clients are told which signatures are taken, and that pings are', async () => {
  await using server = await alone()
  using client = await stranger(server.port)
  const reader = new WireReader(await client.next(7), 1)
  assert.equal(reader.uint32(), 2)
  const told = [reader.ascii(), reader.ascii(), reader.ascii(), reader.ascii()]
  reader.end()
  assert.deepEqual(told, [
    'server-sig-algs',
    'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com',
    'ping@openssh.com',
    '0',
  ])
})

test('once a client is let in, ssh2’s own object of its connection is held no more', async () => {
  await using server = await alone()
  using client = await login(server.port)
  client.send(numbered(1))
  await client.next(MSG.channelData)
  assert.equal(queryObjects(IncomingClient, { format: 'count' }), 0)
})

const late: [rule: string, message: Buffer][] = [
  ['another request', wire(50, 'alice', 'ssh-connection', 'none')],
  ['a request in the name of somebody else', wire(50, 'bob', 'ssh-connection', 'none')],
  ['the service of authentication', wire(5, 'ssh-userauth')],
]
for (const [rule, message] of late)
  test(`after authentication ${rule} ends the connection`, async () => {
    await using server = await alone()
    using client = await login(server.port)
    client.send(message)
    await client.closed
    const { reason } = (await server.leg).signal
    assert.match(`${reason.code}: ${reason.message}`, /^PROTOCOL_ERROR: message \d+ after authentication$/)
  })

const partings: [rule: string, reason: number, text: string, told: string][] = [
  ['the reason of a client that leaves is its own', 2, 'as the test wants it', 'CLIENT_LEFT: as the test wants it'],
  ['without a text it is the number', 14, '', 'CLIENT_LEFT: reason 14'],
  ['who is done has no other reason', 11, 'disconnected by user', 'CLIENT_LEFT: the connection was closed'],
]
for (const [rule, number, text, told] of partings)
  test(`after authentication ${rule}`, async () => {
    await using server = await alone()
    using client = await login(server.port)
    const { signal } = await server.leg
    const over = once(signal, 'abort')
    client.send(wire(1, { uint32: number }, text, ''))
    await over
    assert.equal(`${signal.reason.code}: ${signal.reason.message}`, told)
  })

test('after authentication a packet that is not whole in its tag ends the connection', async () => {
  await using server = await alone()
  using client = await login(server.port)
  const { _sock: socket } = client.ssh as unknown as Insides
  socket.write(Buffer.alloc(64, 7))
  await client.closed
  assert.equal((await server.leg).signal.reason.code, 'PROTOCOL_ERROR')
})

const chacha = 'chacha20-poly1305@openssh.com'
const offers: [rule: string, offer: RawOptions['offer'], rule_: KeyExchangeRule, refused: RegExp | undefined][] = [
  [
    'aes-gcm without strict key exchange',
    { kex: ['curve25519-sha256'], cipher: 'aes128-gcm@openssh.com' },
    'any',
    undefined,
  ],
  [
    'chacha20 with it',
    { kex: ['curve25519-sha256', 'kex-strict-c-v00@openssh.com'], cipher: chacha },
    'any',
    undefined,
  ],
  [
    'chacha20 without it (CVE-2023-48795)',
    { kex: ['curve25519-sha256'], cipher: chacha },
    'any',
    /strict key exchange/,
  ],
  [
    'a classic key exchange where post-quantum is demanded',
    { kex: ['curve25519-sha256'], cipher: chacha },
    'post-quantum',
    /no matching key exchange/,
  ],
  [
    'the hybrid one there',
    { kex: ['mlkem768x25519-sha256', 'kex-strict-c-v00@openssh.com'], cipher: chacha },
    'post-quantum',
    undefined,
  ],
  ['a group exchange', { kex: ['diffie-hellman-group-exchange-sha256'], cipher: chacha }, 'any', /no matching/],
  ['a cipher in CBC mode', { kex: ['curve25519-sha256'], cipher: 'aes256-cbc' }, 'any', /no matching/],
]
for (const [rule, offer, demanded, refused] of offers)
  test(`${rule}: ${refused === undefined ? 'taken' : 'refused'}`, async () => {
    await using server = await alone(rekeyLimits, demanded)
    using client = await login(server.port, offer === undefined ? {} : { offer })
    if (refused !== undefined) assert.match(await client.closed, refused)
    else {
      client.send(numbered(1))
      assert.deepEqual(await client.next(MSG.channelData), numbered(1))
    }
  })

/** What a TCP client that says this gets, until the end. */
async function answerTo(port: number, said: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(said)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}
const junk: [rule: string, said: string][] = [
  ['another protocol', 'GET / HTTP/1.1\r\nHost: gate\r\n\r\n'],
  ['a version of SSH that nobody should speak', 'SSH-1.5-old\r\n'],
  ['an empty line', '\r\n'],
  ['a version without software', 'SSH-2.0-\r\n'],
  ['no end of line in sight', 'A'.repeat(10_000)],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n'],
]
for (const [rule, said] of junk)
  test(`in place of an identification line ${rule}: answered as sshd does`, async () => {
    await using server = await alone()
    assert.equal(
      await answerTo(server.port, Buffer.from(said, 'latin1')),
      'SSH-2.0-OpenSSH_compatible_Regate\r\nInvalid SSH identification string.\r\n',
    )
  })

test('a packet longer than OpenSSH sends ends the connection before it is there', async () => {
  await using server = await alone()
  const header = Buffer.from('00040015', 'hex') // 256 KiB and 21 bytes
  await answerTo(server.port, Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), header, Buffer.alloc(64)]))
  const { reason } = (await server.leg).signal
  assert.ok(reason instanceof GatewayError)
  assert.match(reason.message, /packet length/i)
})
