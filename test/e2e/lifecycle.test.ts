import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../demo/free-port.ts'
import { type Running, run, start } from '../support/process.ts'
import { until } from '../support/workers.ts'
import {
  api,
  type DecisionEvent,
  type GatewayProcess,
  startGateway,
  startWorld,
  type World,
  writeSshConfig,
} from '../support/world.ts'

const exec = { 'permit-exec@regate': ['*'] }
const certificates = { db1: { extensions: exec }, short: { extensions: exec, ttl: 8 } }

const session = async (world: World, route = 'db1', command = 'echo in; cat'): Promise<Running> => {
  const ssh = start('ssh', ['-F', world.config, route, command])
  await ssh.line(/^in$/)
  return ssh
}

test('the certificate’s end cuts the session, at both ends', async () => {
  await using world = await startWorld({ certificates, renewals: { short: 'undefined' } })
  await world.ssh('short', ['true'])
  const begun = Date.now()
  const ssh = await session(world, 'short')
  assert.equal(await ssh.ended(), 255)
  assert.ok(Date.now() - begun >= 1_000)
  assert.match(ssh.lines.join('\n'), /the certificate has ended: connect again \(CERTIFICATE_EXPIRED\)/)
  await world.gateway.line(/CERTIFICATE_EXPIRED.*session ended/)
  await world.sshd.process.line(/Connection (closed|reset).*|Closing connection/)
})

test('SIGTERM: nobody new is taken, live sessions end in their own time, and the gateway with the last', async () => {
  await using world = await startWorld({
    certificates,
    config: () => ({ gateway: { ...gatewayBase, shutdown_grace: '1h' } }),
  })
  await world.ssh('db1', ['true'])
  const ssh = await session(world)
  world.gateway.child.kill('SIGTERM')
  await world.gateway.line(/"msg":"stopping"/)
  const refused = await world.ssh('db1', ['true'])
  assert.match(refused.stderr, /Connection refused/)
  assert.equal(ssh.child.exitCode, null)
  ssh.child.stdin?.end()
  assert.equal(await ssh.ended(), 0)
  assert.equal(await world.gateway.ended(), 0)
})
test('SIGTERM: what does not end in its time is cut, and told why', async () => {
  await using world = await startWorld({
    certificates,
    config: () => ({ gateway: { ...gatewayBase, shutdown_grace: '300ms' } }),
  })
  await world.ssh('db1', ['true'])
  const ssh = await session(world)
  world.gateway.child.kill('SIGTERM')
  assert.equal(await world.gateway.ended(), 0)
  assert.equal(await ssh.ended(), 255)
  assert.match(ssh.lines.join('\n'), /the gateway is stopping \(SHUTTING_DOWN\)/)
})
test('a second signal does not wait', async () => {
  await using world = await startWorld({
    certificates,
    config: () => ({ gateway: { ...gatewayBase, shutdown_grace: '1h' } }),
  })
  await world.ssh('db1', ['true'])
  const ssh = await session(world)
  world.gateway.child.kill('SIGTERM')
  await world.gateway.line(/"msg":"stopping"/)
  world.gateway.child.kill('SIGTERM')
  assert.equal(await world.gateway.ended(), 0)
  await ssh.ended()
})
const gatewayBase = { name: 'test', listen: '127.0.0.1:0', host_keys: ['gateway-host'] }

test('a login outlives a restart', async () => {
  await using world = await startWorld({ certificates })
  await world.ssh('db1', ['true'])
  await world.gateway.stop()
  await using again = await startGateway(world.workspace)
  const config = writeSshConfig(world.workspace, again, ['db1'])
  const done = await run('ssh', ['-F', config, '-o', 'BatchMode=yes', 'db1', 'echo in'])
  assert.equal(done.stdout, 'in\n', done.stderr)
})

test('kill -9 at any instant: every certificate that sshd accepted is in the log after the restart', async () => {
  const port = await freePort()
  await using world = await startWorld({
    certificates,
    config: () => ({ gateway: { ...gatewayBase, listen: `127.0.0.1:${port}` } }),
  })
  await world.ssh('db1', ['true'])
  const logIn = () => start('ssh', ['-F', world.config, '-o', 'BatchMode=yes', 'db1', 'true'])
  const logInAll = (): Running[] => Array.from({ length: 6 }, logIn)
  const allEnd = (clients: Running[]) => Promise.all(clients.map((client) => client.ended()))
  // Instants of all that time that they take here.
  const begun = performance.now()
  await allEnd(logInAll())
  const whole = performance.now() - begun
  let gateway: GatewayProcess = world.gateway
  for (let round = 0; round < 12; round++) {
    const clients = logInAll()
    await wait(Math.random() * whole)
    await gateway.stop('SIGKILL')
    await allEnd(clients)
    gateway = await startGateway(world.workspace)
  }
  const { decisions } = (await (await api(gateway, '/v1/decisions?limit=500')).json()) as { decisions: DecisionEvent[] }
  const logged = new Set(decisions.map(({ mapped_result: { certificate } }) => certificate?.key_id))
  const accepted = world.sshd.log.flatMap((line) => /Accepted publickey .* ID (\S+) \(serial/.exec(line)?.[1] ?? [])
  assert.ok(accepted.length > 7, `${accepted.length} accepted, seven before anything was killed`)
  assert.deepEqual(
    accepted.filter((id) => !logged.has(id)),
    [],
  )
  await gateway.stop()
})

test('clients that go in every phase leave nothing behind', async () => {
  await using world = await startWorld({ certificates })
  await world.ssh('db1', ['true'])
  const open = (): number =>
    Number(readFileSync(`/proc/${world.gateway.child.pid}/status`, 'utf8').match(/FDSize:\s+(\d+)/)?.[1])
  assert.ok(open() > 0)
  for (let round = 0; round < 60; round++) {
    const key = round % 3 === 0 ? ['-i', world.workspace.key(`stranger-${round}`), '-o', `IdentityFile=none`] : []
    const client = start('ssh', ['-F', world.config, ...key, 'db1', 'true'])
    await wait(Math.random() * 160)
    await client.stop('SIGKILL')
  }
  const sockets = async (): Promise<number> =>
    Number((await run('bash', ['-c', `ls -l /proc/${world.gateway.child.pid}/fd | grep -c socket:`])).stdout)
  const left = await until(sockets, (count) => count <= 8)
  assert.ok(left <= 8, `${left} sockets are still open`)
  assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
  assert.ok(
    !world.gateway.lines.some((line) => line.includes('"INTERNAL"')),
    world.gateway.lines.filter((line) => line.includes('INTERNAL')).join('\n'),
  )
})

test('the person’s other sessions are counted', async () => {
  const policy = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity

decision := {"version": "ssh/v1", "outcome": "allow", "certificate": {"principals": ["postgres"], "ttl": 60, "extensions": {"permit-exec@regate": ["*"]}}} if {
	input.identity
	input.usage.sessions < 1
}

decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "one", "message": sprintf("you have %d", [input.usage.sessions])}]} if {
	input.identity
	input.usage.sessions >= 1
}
`
  await using world = await startWorld({
    policy,
    config: ({ sshd }) => ({
      routes: [{ name: 'db1', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey] }],
    }),
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  const config = writeSshConfig(world.workspace, world.gateway, ['db1'])
  const stay = () => start('ssh', ['-F', config, 'db1', 'echo in; cat'])
  await using first = stay()
  await first.line(/^in$/)
  assert.match((await world.ssh('db1', ['true'])).stderr, /denied by policy: you have 1 \[one\]/)
  await first.stop()
  const nobodyIsIn = async (): Promise<void> => {
    const again = await until(
      () => world.ssh('db1', ['true']),
      ({ code }) => code === 0,
    )
    assert.equal(again.code, 0, again.stderr)
    const live = async () => (await (await api(world.gateway, '/v1/sessions')).json()) as { sessions: object[] }
    assert.deepEqual(await until(live, ({ sessions }) => sessions.length === 0), { sessions: [] })
  }
  await nobodyIsIn()
  // Of two that come at once, the later one counts the earlier.
  await using one = stay()
  await using other = stay()
  const refused = await Promise.race([one, other].map(async (ssh) => ((await ssh.ended()) === 255 ? ssh : undefined)))
  const stays = refused === one ? other : one
  await stays.line(/^in$/)
  stays.child.stdin?.end()
  assert.deepEqual([refused === undefined, await stays.ended()], [false, 0])
})

test('a database that is gone bad stops the start, with the reason', async () => {
  await using world = await startWorld({ certificates })
  await world.gateway.stop()
  const file = world.workspace.path('regate.db')
  for (const suffix of ['-wal', '-shm']) if (existsSync(file + suffix)) rmSync(file + suffix)
  world.workspace.write('regate.db', 'this is no database, whatever it was before. '.repeat(100))
  const done = await run(`${import.meta.dirname}/../../bin/regate`, [
    'serve',
    '--config',
    world.workspace.path('regate.yaml'),
  ])
  assert.deepEqual([done.code, /regate\.db/.test(done.stderr)], [1, true], done.stderr)
})
