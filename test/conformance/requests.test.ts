import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { authorityFromKey } from '../../src/certificate/authority.ts'
import { issue } from '../../src/certificate/issue.ts'
import { parseAddress } from '../../src/model/address.ts'
import type { Login, Milliseconds } from '../../src/model/units.ts'
import { systemClock } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { reach } from '../../src/ssh/target.ts'
import { rawClient } from '../support/ssh-client.ts'
import { startWorld, type World } from '../support/world.ts'
import { type Answer, asks, type Ground, type Line } from './asks.ts'
import { certificatesFor, type Field } from './certificates.ts'
import { differences } from './differences.ts'

/*
 * What the gateway says to each request under each certificate, beside what a real sshd says to the same request under the same
 * certificate when no gateway is in between. Where they differ, differences.ts says why, and docs/conformance.md tells it.
 */

const patience = { ...rekeyLimits, connect: 5_000 as Milliseconds, handshake: 20_000 as Milliseconds }
let world: World
let ground: Ground
let fields: Readonly<Record<string, Field>>
const servers: Server[] = []

async function listen(where: string | number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).end())
  server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where })
  await once(server, 'listening')
  servers.push(server)
  return server
}

before(async () => {
  const { port } = (await listen(0)).address() as { port: number }
  fields = certificatesFor(port)
  world = await startWorld({
    certificates: Object.fromEntries(Object.values(fields).map((field, at) => [`c${at}`, field])),
  })
  const socket = world.workspace.path('there.sock')
  await listen(socket)
  ground = { port, socket, listen: world.workspace.path('listen.sock') }
  writeFileSync(join(world.sshd.home, '.ssh', 'rc'), 'echo rc\n')
  // Signs in, so that what follows needs no code.
  await world.ssh('c0', ['true'])
})
after(async () => {
  for (const server of servers) server.close()
  await world[Symbol.asyncDispose]()
})

async function throughGateway(route: string): Promise<Line> {
  const key = readFileSync(world.workspace.path('alice'))
  const username = `postgres@${route}`
  return rawClient({ port: world.gateway.sshPort, username, authHandler: [{ type: 'publickey', username, key }] })
}

/** A certificate with the same fields, for a key of our own. */
async function straight(field: Field): Promise<Line> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const occasion = {
    now: systemClock(),
    decisionId: '0',
    username: 'alice',
    login: 'postgres' as Login,
    principals: 'login' as const,
    subjectKey: wire('ssh-ed25519', point),
    localAddress: parseAddress('127.0.0.1') ?? assert.fail(),
  }
  const authority = authorityFromKey(world.workspace.read('user_ca'))
  const limits = { maxTtl: 300, sourceAddress: 'auto' } as const
  const { signed } = await issue({ principals: ['postgres'], ttl: 300, ...field }, occasion, limits, authority)
  const destination = { host: '127.0.0.1', port: world.sshd.port }
  const target = await reach(destination, ['ssh-ed25519'], (shown) => shown, patience, new AbortController().signal)
  const { leg } = await target.login('postgres', { certificate: signed, sign: (data) => sign(null, data, privateKey) })
  const received: Buffer[] = []
  let look = (): void => {}
  leg.relay((message) => {
    received.push(Buffer.from(message))
    look()
  })
  return {
    send: (message) => leg.send(message),
    next: (...numbers) =>
      new Promise((resolve, reject) => {
        leg.signal.addEventListener('abort', () => reject(leg.signal.reason), { once: true })
        look = () => {
          const at = received.findIndex((message) => numbers.includes(message[0] ?? 0))
          const [message] = at < 0 ? [] : received.splice(at, 1)
          if (message === undefined) return
          look = () => {}
          resolve(message)
        }
        look()
      }),
    [Symbol.dispose]: () => target.leave(),
  }
}

async function answers(line: Line): Promise<Answer[]> {
  const given: Answer[] = []
  for (const ask of asks) given.push(await ask.put(line, ground))
  return given
}

const used = new Set<object>()
let rows = 0

test('under every certificate sshd and the gateway say the same, but for the differences that are told', async (t) => {
  for (const [index, [name, field]] of Object.entries(fields).entries())
    await t.test(name, async () => {
      using client = await throughGateway(`c${index}`)
      using direct = await straight(field)
      const [gateway, sshd] = [await answers(client), await answers(direct)]
      for (const [at, ask] of asks.entries()) {
        rows++
        if (gateway[at] === sshd[at]) continue
        const told = differences.find(({ asks: names, holds }) => names.includes(ask.name) && holds(field))
        const said = `${ask.name} under “${name}”: the gateway says ${gateway[at]}, sshd ${sshd[at]}`
        assert.ok(told !== undefined && gateway[at] === 'no' && sshd[at] !== 'no', said)
        used.add(told)
      }
    })
})

test('there were hundreds of rows, and no difference is told that was not met', () => {
  assert.ok(rows >= 900, `${rows}`)
  assert.deepEqual(
    differences.filter((difference) => !used.has(difference)).map(({ when }) => when),
    [],
  )
})

test('docs/conformance.md has the differences', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'conformance.md'), 'utf8')
  const count = `${Object.keys(fields).length} certificates and ${asks.length} requests`
  assert.ok(page.replaceAll('\n', ' ').includes(count), count)
  for (const { asks, when, because } of differences) {
    const row = `| ${asks.map((name) => `\`${name}\``).join(', ')} | ${when} | ${because} |`
    assert.ok(page.includes(row), `docs/conformance.md lacks:\n${row}`)
  }
})
