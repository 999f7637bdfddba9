import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Part, wire } from '../../src/model/wire.ts'
import { MSG } from '../../src/ssh/messages.ts'
import { type HostileTarget, hostileTarget } from '../support/hostile-target.ts'
import { type Insides, insidesOf, more, probedRegate } from '../support/insides.ts'
import { authRequest, proof, type RawClient, rawClient } from '../support/ssh-client.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/*
 * What clients and targets say when all is well, changed at random, before and after authentication: nothing ends the gateway,
 * nothing is a fault of its own, and nothing is left behind. `make fuzz` goes on for FUZZ_SECONDS; else it is a few connections.
 * FUZZ_SEED repeats a run.
 */
const seconds = Number(process.env.FUZZ_SECONDS ?? 0)
const firstSeed = Number(process.env.FUZZ_SEED ?? (seconds === 0 ? 1 : Date.now() % 1e6))
/** Connections of each kind, when no time is given. */
const connections = 25
const timeout = (seconds + 120) * 1_000

let seed = firstSeed
/** A whole number below `most` (a linear congruential generator: a run can be repeated). */
function below(most: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
  return (seed >>> 8) % most
}
const pick = <One>(list: readonly [One, ...One[]]): One => list[below(list.length)] ?? list[0]
const number = (): { uint32: number } => ({ uint32: pick([0, 0, 0, 1, 2, 65_535, 0x7fff_ffff, 0xffff_ffff]) })
const flag = (): { boolean: boolean } => ({ boolean: below(2) === 1 })
const open = (type: string, ...details: Part[]): Buffer =>
  wire(MSG.channelOpen, type, number(), { uint32: 65_536 }, { uint32: 32_768 }, ...details)
const request = (name: string, ...details: Part[]): Buffer =>
  wire(MSG.channelRequest, { uint32: 0 }, name, flag(), ...details)
const globally = (name: string, ...details: Part[]): Buffer => wire(MSG.globalRequest, name, flag(), ...details)

const afterAuthentication = (): readonly [Buffer, ...Buffer[]] => [
  open('session'),
  open('direct-tcpip', '127.0.0.1', number(), '', number()),
  open('direct-streamlocal@openssh.com', '/tmp/x', '', number()),
  open('forwarded-tcpip', '', number(), '', number()),
  open('auth-agent@openssh.com'),
  wire(MSG.channelOpenConfirmation, number(), number(), number(), number()),
  wire(MSG.channelOpenFailure, number(), number(), 'x', ''),
  wire(MSG.channelWindowAdjust, number(), number()),
  wire(MSG.channelData, number(), Buffer.alloc(below(99))),
  wire(MSG.channelExtendedData, number(), number(), Buffer.alloc(below(99))),
  wire(MSG.channelEof, number()),
  wire(MSG.channelClose, number()),
  request('pty-req', 'xterm', number(), number(), number(), number(), Buffer.from([1, 0, 0, 0, 3, 0])),
  request('env', 'LANG', 'C'),
  request('exec', 'true'),
  request('shell'),
  request('subsystem', 'sftp'),
  request('x11-req', flag(), 'MIT-MAGIC-COOKIE-1', 'aa', number()),
  request('auth-agent-req@openssh.com'),
  request('window-change', number(), number(), number(), number()),
  request('exit-status', number()),
  request('exit-signal', 'TERM', flag(), 'x', ''),
  globally('tcpip-forward', '127.0.0.1', number()),
  globally('cancel-tcpip-forward', '127.0.0.1', number()),
  globally('streamlocal-forward@openssh.com', '/tmp/x'),
  globally('keepalive@openssh.com'),
  globally('no-more-sessions@openssh.com'),
  globally('hostkeys-00@openssh.com', 'key'),
  wire(MSG.requestSuccess),
  wire(MSG.requestFailure),
  wire(MSG.channelSuccess, number()),
  wire(MSG.channelFailure, number()),
  ...transport(),
]
const transport = (): readonly [Buffer, ...Buffer[]] => [
  wire(2, 'x'),
  wire(3, number()),
  wire(4, flag(), 'x', ''),
  wire(5, 'ssh-connection'),
  wire(7, number(), 'x', 'y'),
  wire(20, { raw: Buffer.alloc(16) }, 'curve25519-sha256'),
  wire(21),
  wire(30, Buffer.alloc(32)),
  wire(192, 'x'),
  Buffer.from([below(256)]),
]
const beforeAuthentication = (client: RawClient, user: string): readonly [Buffer, ...Buffer[]] => [
  authRequest(user, 'none'),
  authRequest(user, 'keyboard-interactive', '', ''),
  authRequest(user, 'password', flag(), 'a'),
  authRequest(user, 'hostbased', 'ssh-rsa', 'x', 'h', 'u', 's'),
  proof(client, user, world.workspace.read('alice')),
  wire(61, number(), 'x'),
  wire(60, 'x'),
  wire(51, 'x', flag()),
  wire(52),
  ...transport(),
]

/** Cut, longer, or with another byte or number in it; often as it was, so that what follows finds something open. */
function changed(message: Buffer): Buffer {
  const copy = Buffer.from(message)
  switch (below(8)) {
    case 0:
      return copy.subarray(0, 1 + below(copy.length))
    case 1:
      copy[below(copy.length)] = below(256)
      return copy
    case 2:
      return Buffer.concat([copy, Buffer.alloc(below(20), below(256))])
    case 3:
      if (copy.length > 5) copy.writeUInt32BE(number().uint32, 1 + below(copy.length - 4))
      return copy
    default:
      return copy
  }
}

let world: World
let target: HostileTarget
/** When each kind of connection had been there once, so that what is begun when it is first needed is counted. */
let atFirst: { readonly descriptors: Descriptors; readonly insides: Insides }
before(async () => {
  const extensions = {
    'permit-exec@regate': ['*'],
    'permit-port-forwarding': '',
    'permit-agent-forwarding': '',
  } as const
  const certificate = { ttl: 300, extensions: { ...extensions, 'permit-exec@regate': ['*'] } }
  world = await startWorld({
    program: probedRegate,
    certificates: { db1: certificate },
    config: async ({ workspace }) => {
      target = await hostileTarget(workspace)
      const labels = { decision: JSON.stringify(allow(certificate)) }
      return { routes: [{ name: 'evil', host: '127.0.0.1', port: target.port, host_keys: [target.hostKey], labels }] }
    },
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  for (const [, connection] of kinds) for (let count = 0; count < 3; count++) await connection()
  await wait(2_000) // the threads that stand by are there within a second or so
  atFirst = { insides: await insidesOf(world.gateway), descriptors: openDescriptors() }
})
after(async () => {
  await world[Symbol.asyncDispose]()
  target.close()
})

/** `connections`: those that are no epoll, event or pipe, which threads have. */
interface Descriptors {
  readonly all: number
  readonly connections: number
}
function openDescriptors(): Descriptors {
  const folder = `/proc/${world.gateway.child.pid}/fd`
  const links = readdirSync(folder).flatMap((name) => linkOf(`${folder}/${name}`) ?? [])
  return { all: links.length, connections: links.filter((link) => !/^(anon_inode|pipe):/.test(link)).length }
}
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // closed meanwhile
  }
}
async function login(route: string): Promise<RawClient> {
  const username = `postgres@${route}`
  const key = world.workspace.read('alice')
  return rawClient({ port: world.gateway.sshPort, username, authHandler: [{ type: 'publickey', username, key }] })
}
/** Up to `count` messages, unless the connection ends before. */
async function say(client: RawClient, count: number, next: () => Buffer, send = client.send): Promise<void> {
  let isOver = false
  void client.closed.then(() => {
    isOver = true
  })
  for (let sent = 0; sent < count && !isOver; sent++) {
    send(changed(next()))
    if (below(3) === 0) await wait(1)
  }
}

const kinds: readonly [rule: string, connection: () => Promise<void>][] = [
  [
    'of clients after authentication',
    async () => {
      using client = await login('db1')
      await say(client, 40, () => pick(afterAuthentication()))
    },
  ],
  [
    'of targets',
    async () => {
      using client = await login('evil')
      client.send(open('session'))
      await say(client, 40, () => pick(afterAuthentication()), target.send)
    },
  ],
  [
    'of strangers',
    async () => {
      const user = pick(['postgres@db1', 'x', 'a@b@c', 'root%db1', `${'x'.repeat(70_000)}@db1`])
      using client = await rawClient({ port: world.gateway.sshPort, username: user, until: 'handshake', raw: true })
      await say(client, 15, () => pick(beforeAuthentication(client, user)))
    },
  ],
  [
    'without a key exchange',
    async () => {
      const socket = connect(world.gateway.sshPort, '127.0.0.1').on('error', () => {})
      socket.write(
        pick(['SSH-2.0-x\r\n', 'SSH-1.5-x\r\n', 'GET / HTTP/1.1\r\n\r\n', `SSH-2.0-${'x'.repeat(9_000)}\r\n`, '\0']),
      )
      socket.write(Buffer.from(Array.from({ length: 1 + below(300) }, () => below(256))))
      await wait(below(5))
      if (below(2) === 0) socket.destroy()
      else socket.resetAndDestroy()
    },
  ],
]
for (const [rule, connection] of kinds)
  test(`messages ${rule}, changed at random`, { timeout }, async (t) => {
    const until = performance.now() + (seconds * 1_000) / kinds.length
    let count = 0
    for (; seconds === 0 ? count < connections : performance.now() < until; count++) await connection()
    t.diagnostic(`${count} connections, seed ${firstSeed}`)
    assert.equal(world.gateway.child.exitCode, null)
    assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
    assert.deepEqual(
      world.gateway.lines.filter((line) => /INTERNAL|"level":[56]0/.test(line)),
      [],
    )
  })

/** Descriptors of the two threads that come to stand by within a second or so, and stay. */
const threadsMost = 24
/** Of each kind of object, since a timer of the gateway's own may be there or not: fewer than there were connections of a kind. */
const objectsMost = 15
/** Bytes by which the heap may grow: code that has become faster, and what is kept of an address for a while. */
const heapMost = 12 * 1024 * 1024
/** Milliseconds until what was under way has ended. A key exchange that nobody waits for any more would be there for a minute. */
const settleMost = 30_000

test('nothing is left behind', { timeout }, async (t) => {
  const end = performance.now() + settleMost
  let left = await leftBehind()
  for (; left.length > 0 && performance.now() < end; left = await leftBehind()) await wait(500)
  const { heapUsed, external } = await insidesOf(world.gateway)
  t.diagnostic(`${openDescriptors().all} descriptors, heap ${heapUsed >> 10} KiB, outside of it ${external >> 10} KiB`)
  assert.deepEqual(left, [])
})

/** What there is more of than at first: descriptors, timers, sockets and other objects, memory. */
async function leftBehind(): Promise<string[]> {
  const { descriptors, insides } = atFirst
  const now = await insidesOf(world.gateway)
  const { all, connections } = openDescriptors()
  return [
    ...(connections > descriptors.connections ? [`connections: ${descriptors.connections}, then ${connections}`] : []),
    ...(all > descriptors.all + threadsMost ? [`descriptors: ${descriptors.all}, then ${all}`] : []),
    ...more(insides, now, objectsMost),
    ...(['heapUsed', 'external'] as const).flatMap((memory) =>
      now[memory] > insides[memory] + heapMost ? [`${memory}: ${insides[memory]}, then ${now[memory]}`] : [],
    ),
  ]
}
