import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Part, wire } from '../../src/model/wire.ts'
import { MSG, readOpenConfirmation } from '../../src/ssh/messages.ts'
import { type HostileTarget, hostileTarget } from '../support/hostile-target.ts'
import { type RawClient, rawClient } from '../support/ssh-client.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * Clients and targets that break the protocol, or use it against the gateway's memory: each loses its own connection, says
 * why in the log, and nobody else notices.
 */
let world: World
let target: HostileTarget
before(async () => {
  world = await startWorld({
    certificates: {
      db1: {
        extensions: { 'permit-exec@regate': ['*'], 'permit-port-forwarding': '', 'permit-shell@regate': '' },
        ttl: 300,
      },
    },
    config: async ({ workspace }) => {
      const decision = {
        version: 'ssh/v1',
        outcome: 'allow',
        certificate: { principals: ['postgres'], ttl: 300, extensions: { 'permit-exec@regate': ['*'] } },
      }
      target = await hostileTarget(workspace)
      return {
        routes: [
          {
            name: 'evil',
            host: '127.0.0.1',
            port: target.port,
            host_keys: [target.hostKey],
            labels: { decision: JSON.stringify(decision) },
          },
        ],
      }
    },
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
after(async () => {
  await world[Symbol.asyncDispose]()
  target.close()
})

const login = (route = 'db1'): Promise<RawClient> =>
  rawClient({
    port: world.gateway.sshPort,
    username: `postgres@${route}`,
    authHandler: [{ type: 'publickey', username: `postgres@${route}`, key: world.workspace.read('alice') }],
  })
const open = (type: string, sender: number, window = 2 ** 21, ...details: Part[]) =>
  wire(MSG.channelOpen, type, { uint32: sender }, { uint32: window }, { uint32: 32_768 }, ...details)
const request = (recipient: number, name: string, wantReply: boolean, ...details: Part[]) =>
  wire(MSG.channelRequest, { uint32: recipient }, name, { boolean: wantReply }, ...details)
const data = (recipient: number, length: number) => wire(MSG.channelData, { uint32: recipient }, Buffer.alloc(length))

/** A session channel that runs a command; answers the target's number for it. */
async function session(client: RawClient, command: string, window?: number) {
  client.send(open('session', 0, window))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  client.send(request(sender, 'exec', true, command))
  await client.next(MSG.channelSuccess)
  return { channel: sender }
}

/** The line with which the first session ended that began after so many lines of the log. */
async function sessionEnd(before: number): Promise<string> {
  const began = await lineOf(before, '"session began"')
  return lineOf(before, '"session ended"', (JSON.parse(began) as { connection: string }).connection)
}
async function lineOf(before: number, ...parts: readonly string[]): Promise<string> {
  for (;;) {
    const line = world.gateway.lines.slice(before).find((line) => parts.every((part) => line.includes(part)))
    if (line !== undefined) return line
    await wait(10)
  }
}

const violations: [rule: string, code: RegExp, act: (client: RawClient) => Promise<void>][] = [
  [
    'more data than the window allows',
    /WINDOW_EXCEEDED/,
    async (client) => {
      const { channel } = await session(client, 'sleep 100')
      for (let sent = 0; sent < 8 * 1024 * 1024; sent += 32_768) client.send(data(channel, 32_768))
    },
  ],
  [
    'one packet larger than was agreed on',
    /WINDOW_EXCEEDED/,
    async (client) => {
      const { channel } = await session(client, 'sleep 100')
      client.send(data(channel, 32_769))
    },
  ],
  [
    'a window that grows beyond what windows can be',
    /WINDOW_EXCEEDED/,
    async (client) => {
      const { channel } = await session(client, 'sleep 100')
      client.send(wire(MSG.channelWindowAdjust, { uint32: channel }, { uint32: 0xffff_ffff }))
    },
  ],
  [
    'a forward to a port beyond 65535',
    /WIRE_MALFORMED/,
    async (client) =>
      client.send(open('direct-tcpip', 0, 2 ** 21, 'localhost', { uint32: 65_558 }, '::1', { uint32: 1 })),
  ],
  [
    'a listener on one',
    /WIRE_MALFORMED/,
    async (client) =>
      client.send(wire(MSG.globalRequest, 'tcpip-forward', { boolean: true }, 'localhost', { uint32: 65_558 })),
  ],
  [
    'its cancellation',
    /WIRE_MALFORMED/,
    async (client) =>
      client.send(wire(MSG.globalRequest, 'cancel-tcpip-forward', { boolean: true }, 'localhost', { uint32: 65_558 })),
  ],
  ['data on a channel that is not open', /PROTOCOL_ERROR/, async (client) => client.send(data(77, 1))],
  [
    'data after the end of data',
    /PROTOCOL_ERROR/,
    async (client) => {
      const { channel } = await session(client, 'sleep 100')
      client.send(wire(MSG.channelEof, { uint32: channel }))
      client.send(data(channel, 1))
    },
  ],
  [
    'a channel number that is in use',
    /PROTOCOL_ERROR/,
    async (client) => {
      await session(client, 'sleep 100')
      client.send(open('session', 0))
    },
  ],
  ['a reply to nothing', /PROTOCOL_ERROR/, async (client) => client.send(wire(MSG.requestSuccess))],
  [
    'a reply to nothing on a channel',
    /PROTOCOL_ERROR/,
    async (client) => {
      const { channel } = await session(client, 'sleep 100')
      client.send(wire(MSG.channelSuccess, { uint32: channel }))
    },
  ],
  [
    'a confirmation of nothing',
    /PROTOCOL_ERROR/,
    async (client) =>
      client.send(wire(MSG.channelOpenConfirmation, { uint32: 5 }, { uint32: 5 }, { uint32: 5 }, { uint32: 5 })),
  ],
  [
    'a message that is cut short',
    /WIRE_MALFORMED/,
    async (client) => client.send(Buffer.from([MSG.channelOpen, 0, 0, 0, 9, 1])),
  ],
  [
    'a message that goes on',
    /WIRE_MALFORMED/,
    async (client) => client.send(wire(MSG.channelClose, { uint32: 1 }, 'more')),
  ],
  [
    'unknown messages without end',
    /RELAY_LIMIT/,
    async (client) => {
      for (let count = 0; count < 200; count++) client.send(Buffer.from([200, 1, 2, 3]))
    },
  ],
  ...[6, 51, 52, 53, 60].map((number): (typeof violations)[number] => [
    `message ${number}, which servers send`,
    /PROTOCOL_ERROR/,
    async (client) => client.send(Buffer.from([number, 0, 0, 0, 0, 0, 0, 0, 0])),
  ]),
]
for (const [rule, code, act] of violations)
  test(`cut: ${rule}`, async () => {
    const before = world.gateway.lines.length
    using client = await login()
    await act(client)
    await client.closed
    assert.match(await sessionEnd(before), code)
  })

const refusals: [rule: string, message: Buffer, answer: number][] = [
  ['a channel type that no table knows', open('x11', 3), MSG.channelOpenFailure],
  ['a tunnel', open('tun@openssh.com', 3, 1, { uint32: 1 }, { uint32: 0 }), MSG.channelOpenFailure],
  [
    'a request on the connection that no table knows',
    wire(MSG.globalRequest, 'elevate@example.com', { boolean: true }),
    MSG.requestFailure,
  ],
  [
    'the proof of host keys that were not offered',
    wire(MSG.globalRequest, 'hostkeys-prove-00@openssh.com', { boolean: true }, 'x'),
    MSG.requestFailure,
  ],
  ['a message number that nobody knows', Buffer.from([200, 1, 2, 3]), 3],
]
for (const [rule, message, answer] of refusals)
  test(`refused, and the connection goes on: ${rule}`, async () => {
    using client = await login()
    client.send(message)
    await client.next(answer)
    await session(client, 'true')
  })
test('refused on a channel: a request that no table knows, in its turn', async () => {
  using client = await login()
  const { channel } = await session(client, 'sleep 100')
  client.send(request(channel, 'elevate@example.com', true))
  await client.next(MSG.channelFailure)
})
test('a request on a forward is none of a session', async () => {
  using client = await login()
  client.send(open('direct-tcpip', 0, 2 ** 21, '127.0.0.1', { uint32: world.sshd.port }, '127.0.0.1', { uint32: 1 }))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  client.send(request(sender, 'exec', true, 'id'))
  await client.next(MSG.channelFailure)
})
test('channels are bounded', async () => {
  using client = await login()
  for (let number = 0; number < 300; number++)
    client.send(open('direct-tcpip', number, 2 ** 21, '127.0.0.1', { uint32: world.sshd.port }, '', { uint32: 1 }))
  const failure = await client.next(MSG.channelOpenFailure)
  assert.equal(failure.readUInt32BE(5), 4) // SSH_OPEN_RESOURCE_SHORTAGE
})
test('messages of the connection protocol before anybody has signed in end the connection', async () => {
  using client = await rawClient({ port: world.gateway.sshPort, username: 'postgres@db1', until: 'handshake' })
  client.send(open('session', 0))
  client.send(request(0, 'exec', true, 'id'))
  await client.closed
})

// Memory

const residentKiB = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${world.gateway.child.pid}/status`, 'utf8'))?.[1])

/** Until nothing has moved for three seconds: what the kernel holds is not ours to count. */
async function sendUntilStuck(client: RawClient, send: () => void): Promise<void> {
  for (let moved = performance.now(), last = -1; performance.now() - moved < 3_000; await wait(5)) {
    for (let count = 0; client.unsent < 4 * 1024 * 1024 && count < 1_000; count++) send()
    if (client.unsent === last && last > 1024 * 1024) continue
    last = client.unsent
    moved = performance.now()
  }
}
test('clients that do not read cost a bounded piece of memory, whatever window they give', async () => {
  const before = residentKiB()
  const clients = await Promise.all(Array.from({ length: 20 }, () => login()))
  for (const client of clients) {
    await session(client, 'cat /dev/zero', 0xf000_0000)
    client.pause()
  }
  let grown = 0
  for (let round = 0; round < 20; round++) {
    await wait(100)
    grown = Math.max(grown, residentKiB() - before)
  }
  // 1 MiB of each may wait; the rest is what is being read, and not collected yet.
  assert.ok(grown < 20 * 8 * 1024, `${grown} KiB`)
  for (const client of clients) client[Symbol.dispose]()
})
test('so do clients that ask, and do not read the answers', async () => {
  const before = residentKiB()
  using client = await login('evil')
  client.send(open('session', 0))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  client.pause()
  await sendUntilStuck(client, () => client.send(request(sender, 'elevate@example.com', true)))
  assert.ok(residentKiB() - before < 24 * 1024, `${residentKiB() - before} KiB`)
})
test('so do large requests that wait for their answers', async () => {
  const before = residentKiB()
  using client = await login('evil')
  client.send(open('session', 0))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  for (let count = 0; count < 240; count++)
    client.send(request(sender, 'keepalive@openssh.com', true, { raw: Buffer.alloc(200_000) }))
  client.send(request(sender, 'elevate@example.com', false)) // has come when all before it have
  await world.gateway.line(/elevate@example.com.*not known|not known.*elevate@example.com/)
  await wait(100)
  assert.ok(residentKiB() - before < 32 * 1024, `${residentKiB() - before} KiB`)
})
test('what a person does who is refused again and again fills no log', async () => {
  const before = world.gateway.lines.length
  using client = await login()
  for (let count = 0; count < 300; count++) client.send(wire(MSG.globalRequest, 'x@example.com', { boolean: false }))
  await session(client, 'true')
  client[Symbol.dispose]()
  assert.match(await sessionEnd(before), /"refusals":300/)
  const lines = world.gateway.lines.slice(before).filter((line) => line.includes('refused on the connection'))
  assert.equal(lines.length, 100)
})
test('so do targets that do not read', async () => {
  const before = residentKiB()
  using client = await login('evil')
  client.send(open('session', 0))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  target.socket?.pause()
  await sendUntilStuck(client, () => client.send(data(sender, 32_768)))
  assert.ok(residentKiB() - before < 24 * 1024, `${residentKiB() - before} KiB`)
})

test('cut: requests without end that the target does not answer', async () => {
  const before = world.gateway.lines.length
  using client = await login('evil')
  client.send(open('session', 0))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  for (let count = 0; count < 400; count++) client.send(request(sender, 'signal', true, 'X'))
  await client.closed
  assert.match(await sessionEnd(before), /RELAY_LIMIT/)
})

// Targets are not trusted either

const evil: [rule: string, code: RegExp, act: (target: HostileTarget) => void][] = [
  [
    'sends more than the window allows',
    /WINDOW_EXCEEDED/,
    ({ send }) => {
      for (let count = 0; count < 100; count++) send(data(0, 32_768))
    },
  ],
  ['answers what nobody asked', /PROTOCOL_ERROR/, ({ send }) => send(wire(MSG.requestSuccess))],
  ['sends data on no channel', /PROTOCOL_ERROR/, ({ send }) => send(data(9, 1))],
  ['sends what does not read', /WIRE_MALFORMED/, ({ send }) => send(Buffer.from([MSG.channelData, 0, 0]))],
]
for (const [rule, code, act] of evil)
  test(`a target is cut when it ${rule}`, async () => {
    const before = world.gateway.lines.length
    using client = await login('evil')
    client.send(open('session', 0))
    await client.next(MSG.channelOpenConfirmation)
    act(target)
    await client.closed
    assert.match(await sessionEnd(before), code)
  })

for (const [type, ...details] of [
  ['forwarded-tcpip', '127.0.0.1', { uint32: 22 }, '127.0.0.1', { uint32: 1 }],
  ['forwarded-streamlocal@openssh.com', '/run/x', ''],
  ['x11', '127.0.0.1', { uint32: 1 }],
  ['auth-agent@openssh.com'],
  ['session'],
] as const)
  test(`a target opens no channel that nobody asked for: ${type}`, async () => {
    using client = await login('evil')
    client.send(open('session', 0))
    await client.next(MSG.channelOpenConfirmation)
    target.send(open(type, 40, 2 ** 21, ...details))
    const refused = await target.next(MSG.channelOpenFailure)
    assert.equal(refused.readUInt32BE(1), 40)
  })
test('the text with which a target refuses a channel has no control characters left', async () => {
  using client = await login('evil')
  target.refuseNext('evil \u001b]0;title\u0007')
  client.send(open('session', 0))
  const failure = await client.next(MSG.channelOpenFailure)
  assert.ok(failure.includes('evil ?]0;title?'))
})
test('the target’s host keys are not passed on', async () => {
  using client = await login('evil')
  client.send(open('session', 0))
  await client.next(MSG.channelOpenConfirmation)
  target.send(wire(MSG.globalRequest, 'hostkeys-00@openssh.com', { boolean: false }, 'key'))
  target.send(wire(MSG.globalRequest, 'keepalive@openssh.com', { boolean: true }))
  assert.ok((await client.next(MSG.globalRequest)).includes('keepalive@openssh.com'))
})

test('after all of it the gateway is the same process, and lets people in', async () => {
  assert.equal(world.gateway.child.exitCode, null)
  assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
  assert.ok(!world.gateway.lines.some((line) => line.includes('"INTERNAL"')))
})

test('half-open: a client whose TCP connection dies without a word loses its session at both ends', async () => {
  // A proxy in between that stops passing anything on, and then resets.
  const upstream: Socket[] = []
  const proxy = createServer((socket) => {
    const other = connect(world.gateway.sshPort, '127.0.0.1')
    upstream.push(other)
    socket
      .on('error', () => {})
      .pipe(other.on('error', () => {}))
      .pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  const before = world.gateway.lines.length
  using client = await rawClient({
    port,
    username: 'postgres@db1',
    authHandler: [{ type: 'publickey', username: 'postgres@db1', key: world.workspace.read('alice') }],
  })
  const { channel } = await session(client, 'cat')
  assert.ok(channel >= 0)
  for (const socket of upstream) socket.resetAndDestroy()
  await sessionEnd(before)
  proxy.close()
})
