import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { run } from '../support/process.ts'
import { askAnew, isAlive, knockFrom, liveIds, openOnEach, openSession, until, workersOf } from '../support/workers.ts'
import { api, startGateway, startWorld, type World } from '../support/world.ts'

/*
 * Two workers behind one listener: what one does holds for the other, and what becomes of one leaves the other alone.
 */
const certificates = { db1: { ttl: 300, extensions: { 'permit-exec@regate': ['*'] } } }
const label = JSON.stringify({
  version: 'ssh/v1',
  outcome: 'allow',
  certificate: { principals: ['postgres'], ...certificates.db1 },
})
const turnedAway = 'Not allowed at this time\r\n'

/** A target that answers when the test lets it. */
let held: (() => void)[] | undefined
const gatekeeper = createServer((socket) => {
  const pass = (): void => {
    const target = connect({ host: '127.0.0.1', port: world.sshd.port })
    for (const [from, to] of [
      [socket, target],
      [target, socket],
    ] as [Socket, Socket][])
      from.on('error', () => to.destroy()).pipe(to)
  }
  if (held === undefined) pass()
  else held.push(pass)
})

let world: World
before(async () => {
  await once(gatekeeper.listen(0, '127.0.0.1'), 'listening')
  const { port } = gatekeeper.address() as { port: number }
  world = await startWorld({
    certificates,
    config: ({ sshd }) => ({
      workers: 2,
      gateway: { shutdown_grace: '500ms' },
      limits: {
        sessions_per_person: 4,
        unauthenticated_per_source: 4,
        penalties: { crash: '60s', exempt: ['127.0.0.1', '127.0.0.8'] },
      },
      routes: [{ name: 'held', host: '127.0.0.1', port, host_keys: [sshd.hostKey], labels: { decision: label } }],
    }),
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
after(async () => {
  await world[Symbol.asyncDispose]()
  gatekeeper.close()
})
const ids = (): Promise<string[]> => liveIds(world.gateway)
const noneLeft = async (): Promise<void> => assert.deepEqual(await until(ids, (left) => left.length === 0), [])
const numbers = (): number[] => [...workersOf(world.gateway).keys()]

test('sessions are spread over both, and whichever is asked tells of all', async () => {
  await noneLeft()
  await using sessions = await openOnEach(world, 'db1')
  assert.deepEqual(sessions.map(({ worker }) => worker).toSorted(), [1, 2])
  const all = sessions.map(({ id }) => id).toSorted()
  for (let count = 0; count < 4; count++) {
    assert.deepEqual((await ids()).toSorted(), all)
    assert.match((await askAnew(world.gateway, '/metrics')).text, /^regate_sessions_live 2$/m)
  }
  const here = await world.ssh('gate', ['cert'], { user: 'alice' })
  assert.equal(here.stdout.match(/Key ID/g)?.length, 2, here.stderr)
  for (const { id } of sessions)
    assert.equal((await askAnew(world.gateway, `/v1/sessions/${id}`, 'DELETE')).status, 204)
  assert.deepEqual(await Promise.all(sessions.map((one) => one.ended())), [255, 255])
  assert.equal((await askAnew(world.gateway, `/v1/sessions/${all[0]}`, 'DELETE')).status, 404)
  await noneLeft()
})

test('counts do not fall, and sum up what both have done', async () => {
  const allowed = async (): Promise<number> =>
    Number(
      /^regate_decisions_total\{outcome="allow",code=""\} (\d+)$/m.exec(
        (await askAnew(world.gateway, '/metrics')).text,
      )?.[1],
    )
  const before = await allowed()
  for (let count = 0; count < 2; count++) assert.equal((await world.ssh('db1', ['true'])).code, 0)
  assert.equal(await allowed(), before + 2)
})

test('of two who come at once, and are carried by different workers, the later one counts the earlier', async () => {
  await noneLeft()
  await using _one = await openSession(world, 'db1')
  await using _two = await openSession(world, 'db1')
  await using _three = await openSession(world, 'db1')
  const live = (await ids()).toSorted()
  for (let tries = 1; ; tries++) {
    const workers = await twoAtOnce()
    if (workers[0] !== workers[1]) return
    assert.ok(tries < 10, 'both were carried by the same worker each time')
    assert.deepEqual(
      await until(
        async () => (await ids()).toSorted(),
        ({ length }) => length === 3,
      ),
      live,
    )
  }
})
/** One is about to begin when another one comes, which is refused. Answers by which workers. */
async function twoAtOnce(): Promise<number[]> {
  held = []
  const already = world.gateway.lines.length
  const first = world.ssh('held', ['echo', 'in'])
  await until(
    () => held?.length,
    (count) => count === 1,
  )
  const second = await world.ssh('held', ['echo', 'in'])
  assert.match(second.stderr, /TOO_MANY_SESSIONS|sessions/)
  assert.notEqual(second.code, 0)
  for (const pass of held.splice(0)) pass()
  held = undefined
  assert.equal((await first).stdout, 'in\n')
  const told = (pattern: RegExp): number[] =>
    world.gateway.lines
      .slice(already)
      .filter((line) => pattern.test(line))
      .map((line) => (JSON.parse(line) as { worker: number }).worker)
  const workers = await until(
    () => [...told(/"msg":"refused"/), ...told(/"msg":"session began"/)],
    ({ length }) => length === 2,
  )
  assert.equal(workers.length, 2)
  return workers
}

test('a penalty that was earned at one holds at the other', async () => {
  const { said } = await knockFrom(world, '127.0.0.7', 'GET / HTTP/1.0\r\n\r\n')
  assert.match(said, /^(SSH-2|Invalid SSH)/)
  // It comes when the gateway sees the end of the connection, which is not before its client does.
  await until(
    () => knockFrom(world, '127.0.0.7'),
    (now) => now.said === turnedAway,
  )
  const later = []
  for (let count = 0; count < 4; count++) later.push((await knockFrom(world, '127.0.0.7')).said)
  assert.deepEqual(later, Array(4).fill(turnedAway))
})

test('one source has its places over both together, and they are free again when they are left', async () => {
  const taken: Disposable[] = []
  for (let count = 0; count < 4; count++) {
    const one = await knockFrom(world, '127.0.0.8')
    assert.match(one.said, /^SSH-2\.0-/)
    taken.push(one)
  }
  for (let count = 0; count < 2; count++) assert.equal((await knockFrom(world, '127.0.0.8')).said, turnedAway)
  for (const one of taken) one[Symbol.dispose]()
  const again = await until(
    () => knockFrom(world, '127.0.0.8'),
    ({ said }) => said !== turnedAway,
  )
  assert.match(again.said, /^SSH-2\.0-/)
  again[Symbol.dispose]()
})

test('a login that is revoked at one cuts the sessions of both', async () => {
  await using sessions = await openOnEach(world, 'db1')
  const { logins } = JSON.parse((await askAnew(world.gateway, '/v1/logins')).text) as { logins: { id: string }[] }
  assert.equal((await askAnew(world.gateway, `/v1/logins/${logins[0]?.id}`, 'DELETE')).status, 204)
  assert.deepEqual(await Promise.all(sessions.map((one) => one.ended())), [255, 255])
  assert.equal((await world.ssh('db1', ['true'])).code, 0) // signs in again
})

test('who reads decisions along hears at once of those of the other worker', async () => {
  const reading = await api(world.gateway, '/v1/decisions/tail')
  assert.equal(reading.status, 200)
  for (let count = 0; count < 2; count++) await world.ssh('db1', ['true'])
  let text = ''
  const late = AbortSignal.timeout(12_000) // the store would be looked at every fifteen seconds
  for await (const piece of reading.body?.pipeThrough(new TextDecoderStream(), { signal: late }) ?? []) {
    text += piece
    if (text.split('\n').length > 2) break
  }
  assert.equal(text.match(/"decision_id"/g)?.length, 2)
})

test('SIGHUP reaches both', async () => {
  const lines = (): number => world.gateway.lines.filter((line) => line.includes('another bundle is in force')).length
  const before = lines()
  world.gateway.child.kill('SIGHUP')
  assert.equal(await until(lines, (count) => count === before + 2), before + 2)
})

function changeConfig(change: (config: ReturnType<typeof parse>) => void): void {
  const path = world.workspace.path('regate.yaml')
  const config = parse(readFileSync(path, 'utf8'))
  change(config)
  writeFileSync(`${path}.new`, stringify(config))
  renameSync(`${path}.new`, path)
}

test('what changes in the configuration cuts the sessions of both, and limits that hold for both follow it', async () => {
  await using sessions = await openOnEach(world, 'db1')
  changeConfig((config) => {
    config.routes[0].labels.renewal = JSON.stringify({ version: 'ssh/v1', outcome: 'deny' })
    config.limits.unauthenticated_per_source = 1
  })
  assert.deepEqual(await Promise.all(sessions.map((one) => one.ended())), [255, 255])
  using first = await knockFrom(world, '127.0.0.8')
  assert.match(first.said, /^SSH-2\.0-/)
  for (let count = 0; count < 2; count++) assert.equal((await knockFrom(world, '127.0.0.8')).said, turnedAway)
  changeConfig((config) => {
    delete config.routes[0].labels.renewal
    config.limits.unauthenticated_per_source = 20
  })
  await until(
    () => knockFrom(world, '127.0.0.8'),
    (one) => {
      one[Symbol.dispose]()
      return one.said !== turnedAway
    },
  )
})

test('a worker that is killed takes its sessions and no others; another one takes its place, and nothing is lost', async () => {
  await using sessions = await openOnEach(world, 'db1')
  const [one, other] = sessions
  const exits = async (): Promise<number> =>
    Number(/^regate_worker_exits_total (\d+)$/m.exec((await askAnew(world.gateway, '/metrics')).text)?.[1])
  const allowed = async (): Promise<number> =>
    Number(
      /^regate_decisions_total\{outcome="allow",code=""\} (\d+)$/m.exec(
        (await askAnew(world.gateway, '/metrics')).text,
      )?.[1],
    )
  const [exitsBefore, allowedBefore] = [await exits(), await allowed()]
  const told = async () =>
    JSON.parse((await askAnew(world.gateway, `/v1/sessions/${one.id}`)).text) as {
      end?: { code: string }
      events: object[]
      decision_id: string
    }
  await until(told, ({ events }) => events.length > 0) // events are in the store a moment later: nobody waits for them
  process.kill(workersOf(world.gateway).get(one.worker) ?? 0, 'SIGKILL')
  assert.equal(await one.ended(), 255)
  assert.ok(await other.echo('still here'))
  await world.gateway.line(/a worker is ready, in the place of one that ended/)
  assert.deepEqual([await ids(), await exits()], [[other.id], exitsBefore + 1])
  assert.ok((await allowed()) >= allowedBefore)
  const ended = await told()
  assert.equal(ended.end?.code, 'GATEWAY_GONE')
  assert.equal((await askAnew(world.gateway, `/v1/decisions/${ended.decision_id}`)).status, 200)
  // What it held it holds no more, and the new one takes its part.
  const next = [await openSession(world, 'db1'), await openSession(world, 'db1'), await openSession(world, 'db1')]
  assert.ok(next.some(({ worker }) => worker === Math.max(...numbers())))
  for (const session of [other, ...next]) await session.stop('SIGTERM')
  await noneLeft()
})

test('SIGUSR2: other workers take what comes, nobody is turned away meanwhile, and a live session goes on until it is ended', async () => {
  await using session = await openSession(world, 'db1')
  const before = numbers()
  let isOver = false
  const codes: (number | null)[] = []
  const faults: string[] = []
  const coming = (async () => {
    while (!isOver) {
      const { code, stderr } = await world.ssh('db1', ['true'])
      codes.push(code)
      if (code !== 0) faults.push(stderr)
    }
  })()
  const asking = (async () => {
    while (!isOver) assert.equal((await askAnew(world.gateway, '/v1/sessions')).status, 200)
  })()
  await until(
    () => codes.length,
    (count) => count >= 2,
  )
  world.gateway.child.kill('SIGUSR2')
  await world.gateway.line(/these workers take what comes from now on/)
  const already = codes.length
  await until(
    () => codes.length,
    (count) => count >= already + 5,
  )
  isOver = true
  await Promise.all([coming, asking])
  assert.deepEqual([codes.filter((code) => code !== 0), faults], [[], []])
  assert.ok(await session.echo('from before'))
  // The one that carried nothing has gone; the other one drains.
  assert.deepEqual(await until(numbers, (now) => now.length === 3), [
    session.worker,
    ...numbers().filter((one) => !before.includes(one)),
  ])
  assert.deepEqual(await ids(), [session.id])
  assert.match((await askAnew(world.gateway, '/metrics')).text, /^regate_sessions_live 1$/m)
  const { logins } = JSON.parse((await askAnew(world.gateway, '/v1/logins')).text) as { logins: { id: string }[] }
  await askAnew(world.gateway, `/v1/logins/${logins[0]?.id}`, 'DELETE')
  assert.equal(await session.ended(), 255)
  const left = await until(numbers, (now) => now.length === 2)
  assert.deepEqual(
    left.filter((one) => before.includes(one)),
    [],
  )
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})

const unusable: [rule: string, file: string, spoil: (text: Buffer) => Buffer, said: RegExp][] = [
  ['a bundle that cannot be used', 'bundle.tar.gz', (bytes) => bytes.subarray(0, 500), /without a usable policy/],
  ['a configuration that cannot be read', 'regate.yaml', () => Buffer.from('gateway: 7\n'), /gateway/],
]
for (const [rule, file, spoil, said] of unusable)
  test(`${rule} at SIGUSR2 changes nothing, and the log says so`, async () => {
    await using session = await openSession(world, 'db1')
    const before = workersOf(world.gateway)
    const path = world.workspace.path(file)
    const good = readFileSync(path)
    const already = world.gateway.lines.length
    const lines = (): string => world.gateway.lines.slice(already).join('\n')
    writeFileSync(path, spoil(good))
    world.gateway.child.kill('SIGUSR2')
    assert.match(
      await until(lines, (text) => /nothing has changed"/.test(text) && /could not be started: nothing/.test(text)),
      said,
    )
    assert.deepEqual(
      await until(
        () => workersOf(world.gateway),
        (now) => now.size === 2,
      ),
      before,
    )
    assert.ok(await session.echo('as before'))
    writeFileSync(path, good)
    assert.equal((await world.ssh('db1', ['true'])).code, 0)
    await session.stop()
    await noneLeft()
  })

test('SIGTERM stops them all, cuts what is live after the grace, and leaves no process', async () => {
  await using session = await openSession(world, 'db1')
  const pids = [...workersOf(world.gateway).values()]
  assert.equal(await world.gateway.stop('SIGTERM'), 0)
  assert.equal(await session.ended(), 255)
  assert.match(session.lines.join('\n'), /SHUTTING_DOWN|stopping/)
  assert.deepEqual(pids.filter(isAlive), [])
})

test('nothing of it outlives the supervisor', async () => {
  await using gateway = await startGateway(world.workspace)
  const pids = [...workersOf(gateway).values()]
  assert.equal(pids.length, 2)
  await gateway.stop('SIGKILL')
  assert.deepEqual(
    await until(
      () => pids.filter(isAlive),
      (left) => left.length === 0,
    ),
    [],
  )
})

test('what keeps a worker from starting is what `regate serve` says, once, and ends with', async () => {
  changeConfig((config) => {
    config.store = 'sqlite:damaged.db'
  })
  world.workspace.write('damaged.db', 'no database, and long enough to be looked at as if it were one')
  const { code, stderr } = await run(join(import.meta.dirname, '..', '..', 'bin', 'regate'), [
    'serve',
    '--config',
    world.workspace.path('regate.yaml'),
  ])
  assert.equal(code, 1)
  assert.equal(stderr.match(/STORE_UNAVAILABLE/g)?.length, 1, stderr)
})

test('one worker alone needs no supervisor; SIGUSR2 then does nothing but say so', async () => {
  changeConfig((config) => {
    config.store = 'sqlite:regate.db'
    config.workers = 1
  })
  await using gateway = await startGateway(world.workspace)
  assert.equal(workersOf(gateway).size, 0)
  gateway.child.kill('SIGUSR2')
  await gateway.line(/it takes workers: 2 or more/)
  assert.equal((await askAnew(gateway, '/health/ready')).status, 200)
})
