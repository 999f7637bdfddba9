import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../demo/free-port.ts'
import { countsOf } from '../support/counts.ts'
import { rawClient } from '../support/ssh-client.ts'
import { acceptedBy, decisionsOf, faultsOfLog } from '../support/whole-log.ts'
import { type GatewayProcess, startGateway, startWorld, type World } from '../support/world.ts'

/*
 * Two hundred logins at once, each by a connection of its own, at a real sshd: one fsync serves many of them, and a gateway that
 * is killed among them has let nobody in whose certificate is not in the log.
 */
const logins = 200

const route = { name: 'web' }
/** All of it is one person's, from one address. */
const limits = { unauthenticated_per_source: 400, unauthenticated_drop_from: 400, unauthenticated: 400 }
/** A machine on which all of it takes long has the time. */
const patient = { connect: '5m', handshake: '5m', ident_wait: '5m', grace: '5m' }
const roomy = { sessions: 1_000, sessions_per_person: 1_000, ...limits, ...patient }

test(`${logins} logins at once are durable by far fewer commits`, async () => {
  await using world = await startWorld({ certificates: { [route.name]: {} }, config: () => ({ limits: roomy }) })
  assert.equal(
    (await world.ssh(route.name, ['true'])).code,
    255,
    'its certificate opens nothing, but alice is known now',
  )
  const before = await countsOf(world.gateway)
  const burst = logInAtOnce(world, world.gateway)
  await accepting(world, 2)
  using clients = await withSlowDisk(world, burst)
  assert.equal(clients.in, logins)
  const after = await countsOf(world.gateway)
  const [decisions, commits] = [after.decisions - before.decisions, after.commits - before.commits]
  assert.equal(decisions, logins)
  assert.ok(commits > 0 && commits <= logins / 2, `${commits} commits for ${decisions} decisions`)
  assert.deepEqual(faultsOfLog(world.workspace, acceptedBy(world.sshd.log), await decisionsOf(world.gateway)), [])
})

test(`killed among ${logins} logins at once, it has logged every certificate that the target took`, async () => {
  const port = await freePort()
  const gateway = { listen: `127.0.0.1:${port}` }
  await using world = await startWorld({
    certificates: { [route.name]: {} },
    config: () => ({ gateway, limits: roomy }),
  })
  await world.ssh(route.name, ['true'])
  let running: GatewayProcess = world.gateway
  await using undo = new AsyncDisposableStack()
  for (const within of [1, 40, 80]) {
    const before = acceptedBy(world.sshd.log).length
    const burst = logInAtOnce(world, running)
    await accepting(world, before + within)
    await running.stop('SIGKILL')
    using clients = await burst
    assert.ok(clients.in < logins, 'it was killed among them')
    running = undo.use(await startGateway(world.workspace))
    assert.deepEqual(faultsOfLog(world.workspace, acceptedBy(world.sshd.log), await decisionsOf(running)), [])
  }
})

/** Resolves when each of them is in, or out. */
async function logInAtOnce(world: World, { sshPort: port }: GatewayProcess): Promise<Disposable & { in: number }> {
  const username = `postgres@${route.name}`
  const key = world.workspace.read('alice')
  const clients = await Promise.all(
    Array.from({ length: logins }, () =>
      rawClient({ port, username, authHandler: [{ type: 'publickey', username, key }] }),
    ),
  )
  const isIn = await Promise.all(clients.map(({ closed }) => Promise.race([closed.then(() => false), wait(0, true)])))
  return {
    in: isIn.filter(Boolean).length,
    [Symbol.dispose]() {
      for (const client of clients) client[Symbol.dispose]()
    },
  }
}

/** The target has taken so many certificates. */
async function accepting({ sshd }: World, count: number): Promise<void> {
  for (const end = Date.now() + 60_000; acceptedBy(sshd.log).length < count; await wait(1))
    if (Date.now() > end)
      throw new Error(`the target has taken ${acceptedBy(sshd.log).length} of ${count} certificates`)
}

/**
 * Until it is done, nothing can be committed but for a moment now and then: as if the disk took half a second for one fsync. A
 * gateway that waits looks again at least ten times a second (SQLite's busy handler).
 */
async function withSlowDisk<Outcome>({ workspace }: World, work: Promise<Outcome>): Promise<Outcome> {
  const database = new DatabaseSync(workspace.path('regate.db'), { timeout: 2_000 })
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  done.catch(() => {})
  while (!isDone) {
    database.exec('begin immediate')
    await wait(500)
    database.exec('rollback')
    await wait(120)
  }
  database.close()
  return await done
}
