import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Part, wire } from '../../src/model/wire.ts'
import { MSG, readOpenConfirmation } from '../../src/ssh/messages.ts'
import { type HostileTarget, hostileTarget } from '../support/hostile-target.ts'
import { type RawClient, rawClient } from '../support/ssh-client.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/*
 * A hundred sessions in which one side sends all it can and the other reads nothing, though it has given a window larger than what
 * may wait for it. (Not much larger: an sshd that nobody reads fills it from its program, in time that grows with its square.) What waits for them in the gateway is bounded: see docs/operations.md, Limits.
 */
const sessionsAtOnce = 100
/** Of memory, for each of them. */
const mostKiB = 8 * 1024
const window = 9 * 1024 * 1024
const certificate = { ttl: 300, extensions: { 'permit-exec@regate': ['*'] } }

let world: World
let target: HostileTarget
let atRest: number
before(async () => {
  world = await startWorld({
    certificates: { db1: certificate },
    config: async ({ workspace }) => {
      target = await hostileTarget(workspace)
      const labels = { decision: JSON.stringify(allow(certificate)) }
      const evil = { name: 'evil', host: '127.0.0.1', port: target.port, host_keys: [target.hostKey], labels }
      return { limits: { sessions_per_person: 1_000, penalties: { exempt: ['127.0.0.0/8'] } }, routes: [evil] }
    },
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  atRest = residentKiB()
})
after(async () => {
  await world[Symbol.asyncDispose]()
  target.close()
})

/** A client, and the number of a session channel that it has opened; its socket at the target. */
async function session(route: string): Promise<{ client: RawClient; channel: number; socket: Socket | undefined }> {
  const username = `postgres@${route}`
  const key = world.workspace.read('alice')
  const client = await rawClient({
    port: world.gateway.sshPort,
    username,
    authHandler: [{ type: 'publickey', username, key }],
  })
  client.send(wire(MSG.channelOpen, 'session', { uint32: 0 }, { uint32: window }, { uint32: 32_768 }))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  return { client, channel: sender, socket: target.socket }
}
const message = (number: number, channel: number, ...details: Part[]): Buffer =>
  wire(number, { uint32: channel }, ...details)

const residentKiB = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${world.gateway.child.pid}/status`, 'utf8'))?.[1])

/** The most that the gateway has grown by, until `moved` has stood still for three seconds. */
async function grownKiB(moved: () => number | Promise<number>): Promise<number> {
  let most = 0
  for (let last = -1, since = performance.now(); performance.now() - since < 3_000; await wait(20)) {
    most = Math.max(most, residentKiB() - atRest)
    if (most >= sessionsAtOnce * mostKiB) return most
    const now = await moved()
    if (now === last) continue
    last = now
    since = performance.now()
  }
  return most
}

async function carried(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${world.gateway.httpPort}/metrics`)).text()
  return [...text.matchAll(/^regate_session_bytes_total\S+ (\d+)/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

/** All of it together takes a machine of two cores some ten seconds. */
const timeout = 240_000
test('clients that read nothing while their targets send', { timeout }, async (t) => {
  using open = new DisposableStack()
  const sessions: Awaited<ReturnType<typeof session>>[] = []
  for (let count = 0; count < sessionsAtOnce; count++) {
    const one = await session('db1')
    open.use(one.client)
    sessions.push(one)
  }
  for (const { client, channel } of sessions) {
    client.send(message(MSG.channelRequest, channel, 'exec', { boolean: true }, 'cat /dev/zero'))
    await client.next(MSG.channelSuccess)
    client.pause()
  }
  const grown = await grownKiB(carried)
  const bytes = await carried()
  t.diagnostic(`${Math.round(grown / 1024)} MiB for ${sessions.length} sessions, ${Math.round(bytes / 1e6)} MB carried`)
  assert.ok(bytes > sessionsAtOnce * 512 * 1024, 'each of them had more to send')
  assert.ok(grown < sessionsAtOnce * mostKiB, `${grown} KiB`)
})

test('targets that read nothing while their clients send', { timeout }, async (t) => {
  using open = new DisposableStack()
  const sessions: Awaited<ReturnType<typeof session>>[] = []
  for (let count = 0; count < sessionsAtOnce; count++) {
    const one = await session('evil')
    open.use(one.client)
    one.socket?.pause()
    sessions.push(one)
  }
  const chunk = Buffer.alloc(32_768)
  let sent = 0
  const send = (): number => {
    for (const { client, channel } of sessions)
      for (let count = 0; count < 8 && client.unsent < 128 * 1024; count++) {
        client.send(message(MSG.channelData, channel, chunk))
        sent += chunk.length
      }
    return sent
  }
  const grown = await grownKiB(send)
  t.diagnostic(`${Math.round(grown / 1024)} MiB for ${sessions.length} sessions, ${Math.round(sent / 1e6)} MB sent`)
  assert.ok(sent > sessionsAtOnce * 1024 * 1024, 'each of them had more to send')
  assert.ok(grown < sessionsAtOnce * mostKiB, `${grown} KiB`)
})

test('after all of it the gateway lets people in', async () => {
  assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
})
