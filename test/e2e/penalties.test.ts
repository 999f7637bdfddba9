import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type Running, start } from '../support/process.ts'
import { until } from '../support/workers.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * Who is turned away before a key is exchanged, and by which address: each test comes from loopback addresses of its own.
 * The PROXY protocol is spoken by 127.0.1.0/24.
 */
const denied = { version: 'ssh/v1', outcome: 'deny', reasons: [{ code: 'no', message: 'not today' }] }
const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
let world: World
before(async () => {
  world = await startWorld({
    certificates,
    config: ({ sshd }) => ({
      gateway: { proxy_protocol_from: ['127.0.1.0/24'] },
      identity: { login_from: 'prefix' },
      limits: {
        sessions_per_person: 3,
        ident_wait: '3s',
        penalties: {
          ...{ crash: '300s', grace_exceeded: '100s', authfail: '60s', min: '150s' },
          noauth: '0s', // to look whether one is turned away costs nothing
          exempt: ['127.0.0.1'],
        },
      },
      routes: [
        {
          name: 'shut',
          host: '127.0.0.1',
          port: 1,
          host_keys: [sshd.hostKey],
          labels: { decision: JSON.stringify(denied) },
        },
      ],
    }),
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
after(() => world[Symbol.asyncDispose]())

/** What the gateway says to somebody at this address who says `first`, up to the end or to its identification line. */
async function greeting(localAddress: string, first: string | Buffer = ''): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: world.gateway.sshPort, localAddress })
  socket.on('error', () => {})
  if (first.length > 0) socket.write(first)
  let said = ''
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1')
    if (said.includes('\n') && first.length === 0) socket.destroy()
  })
  await once(socket, 'close')
  return said
}
const line = (ip: string): string => `PROXY TCP4 ${ip} 127.0.0.1 50000 22\r\n`
/** The identification line that somebody gets whom this proxy brings. */
async function brought(proxy: string, header: string | Buffer): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: world.gateway.sshPort, localAddress: proxy })
  socket.on('error', () => {}).write(header)
  const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown]
  socket.destroy()
  return first instanceof Buffer ? first.toString('latin1') : ''
}

/** The penalty comes when the gateway sees the end of a connection, which is not before its client does. */
const isTurnedAway = async (ask: () => Promise<string>): Promise<boolean> =>
  (await until(ask, (said) => said === turnedAway)) === turnedAway

const taken = /^SSH-2\.0-/
const turnedAway = 'Not allowed at this time\r\n'
const counted = async (name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${world.gateway.httpPort}/metrics`)).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')[1] ?? 0,
  )
}

test('who breaks the protocol is turned away before a key is exchanged, and nobody else is', async () => {
  await greeting('127.0.0.2', 'GET / HTTP/1.1\r\n\r\n')
  assert.ok(await isTurnedAway(() => greeting('127.0.0.2')))
  assert.match(await greeting('127.0.0.3'), taken)
  await world.gateway.line(/SOURCE_PENALISED.*127\.0\.0\.2/)
  assert.ok((await counted('regate_connections_turned_away_total{code="SOURCE_PENALISED"}')) >= 1)
  assert.ok((await counted('regate_penalties_total{offence="crash"}')) >= 1)
})
test('who is exempt is taken whatever it does', async () => {
  await greeting('127.0.0.1', 'GET / HTTP/1.1\r\n\r\n')
  assert.match(await greeting('127.0.0.1'), taken)
})
test('who says nothing in time, again and again', async () => {
  for (let count = 0; count < 2; count++) await greeting('127.0.0.4', 'S') // 100 s each
  assert.ok(await isTurnedAway(() => greeting('127.0.0.4')))
})
test('who guesses user names, again and again', async () => {
  const guess = () => world.ssh('db1', ['true'], { login: 'Root', options: ['-b', '127.0.0.5'] })
  for (let count = 0; count < 3; count++) await guess() // 60 s each
  assert.ok(await isTurnedAway(() => greeting('127.0.0.5')))
})
test('a person who is known and refused is told so, as often as they ask', async () => {
  const ask = () => world.ssh('shut', ['true'], { options: ['-b', '127.0.0.6'] })
  for (let count = 0; count < 4; count++) assert.match((await ask()).stderr, /not today/)
})
test('another exempt network holds once it is read', async () => {
  await greeting('127.0.0.7', 'junk\r\n')
  assert.ok(await isTurnedAway(() => greeting('127.0.0.7')))
  const config = parse(world.workspace.read('regate.yaml')) as { limits: { penalties: { exempt: string[] } } }
  config.limits.penalties.exempt.push('127.0.0.7')
  world.workspace.write('regate.yaml', stringify(config))
  world.gateway.child.kill('SIGHUP')
  await world.gateway.line(/limits and tokens are as they stand/)
  assert.match(await greeting('127.0.0.7'), taken)
})

test('PROXY: penalties are for whom the proxy brings, whichever proxy it is', async () => {
  await greeting('127.0.1.1', `${line('203.0.113.9')}junk\r\n`)
  assert.ok(await isTurnedAway(() => brought('127.0.1.2', line('203.0.113.9'))))
  assert.match(await brought('127.0.1.1', line('203.0.113.10')), taken)
})
test('PROXY: an IPv6 client, by a binary header that comes in pieces', async () => {
  const body = Buffer.concat([
    Buffer.from('20010db8000000000000000000000009', 'hex'),
    Buffer.alloc(18),
    Buffer.from([0, 22]),
  ])
  const header = Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24', 'latin1'), body])
  const socket = connect({ host: '127.0.0.1', port: world.gateway.sshPort, localAddress: '127.0.1.3', noDelay: true })
  for (const byte of header) socket.write(Buffer.from([byte]))
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.match(first.toString(), taken)
  socket.write('junk\r\n')
  await once(socket, 'close')
  assert.ok(await isTurnedAway(() => brought('127.0.1.3', header)))
})
const speechless: [rule: string, first: string][] = [
  ['without a header', 'SSH-2.0-x\r\n'],
  ['with one for a UNIX socket', 'PROXY UNIX /a /b 1 2\r\n'],
  ['that says nothing in time', 'PROXY TCP4 '],
]
for (const [rule, first] of speechless)
  test(`PROXY: a named proxy ${rule} is turned away, and not penalised`, async () => {
    assert.equal(await greeting('127.0.1.9', first), turnedAway)
    assert.match(await brought('127.0.1.9', 'PROXY UNKNOWN\r\n'), taken)
  })
test('PROXY: from anywhere else a header is junk', async () => {
  assert.doesNotMatch(await greeting('127.0.0.8', line('203.0.113.20')), /Not allowed/)
  assert.ok(await isTurnedAway(() => greeting('127.0.0.8')))
  assert.match(await brought('127.0.1.1', line('203.0.113.20')), taken)
})
test('PROXY: the address is the one that policy, log and cached logins see', async () => {
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const gate = connect({ host: '127.0.0.1', port: world.gateway.sshPort, localAddress: '127.0.1.4' })
    for (const socket of [client, gate]) sockets.push(socket.on('error', () => {}))
    gate.write(line('198.51.100.7'))
    client.pipe(gate).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  let codes = 0
  const through = () =>
    world.ssh('db1', ['echo in'], {
      options: ['-p', `${port}`, '-o', `HostKeyAlias=[127.0.0.1]:${world.gateway.sshPort}`],
      onCode: async (code) => {
        codes++
        await world.issuer.approve(code, 'alice')
      },
    })
  assert.equal((await through()).stdout, 'in\n')
  assert.equal(codes, 1, 'the login that was made at 127.0.0.1 does not serve there')
  const [event] = await world.events()
  const { connection } = (event?.input ?? {}) as { connection?: { source: unknown } }
  assert.deepEqual(connection?.source, {
    ip: '198.51.100.7',
    port: 50_000,
  })
  await world.gateway.line(/"source":"198\.51\.100\.7".*session ended/)
  proxy.close()
  for (const socket of sockets) socket.destroy()
})
test('one person has so many sessions and no more', async () => {
  await using held = new AsyncDisposableStack()
  const sessions: Running[] = []
  for (let count = 0; count < 3; count++) {
    const ssh = held.use(start('ssh', ['-F', world.config, 'db1', 'echo up; cat']))
    await ssh.line(/up/)
    sessions.push(ssh)
  }
  assert.match((await world.ssh('db1', ['true'])).stderr, /TOO_MANY_SESSIONS/)
  await sessions[0]?.stop()
  // There is room as soon as the gateway has seen it go.
  const next = await until(
    () => world.ssh('db1', ['true']),
    ({ code }) => code === 0,
  )
  assert.equal(next.code, 0, next.stderr)
})
