import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { replaceData } from '../support/bundle.ts'
import { strangersSignIn } from '../support/policy.ts'
import { type Running, start } from '../support/process.ts'
import { api, startWorld, type World } from '../support/world.ts'

/*
 * What changes while the gateway runs: the bundle, its data, routes, limits, tokens, logins. Live sessions are asked about
 * again at once; what cannot be used changes nothing, and the log says so.
 */
const policy = `${strangersSignIn}
decision := {
	"version": "ssh/v1",
	"outcome": "allow",
	"certificate": {"principals": ["postgres"], "ttl": 300, "extensions": data.open},
} if {
	input.identity
	not data.frozen
}

decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "freeze", "message": "frozen"}]} if {
	input.identity
	data.frozen
}
`
const exec = { 'permit-exec@regate': ['*'] }
const certificates = { db1: {}, db2: {} }

async function aWorld(): Promise<World> {
  const spoilBundle = (path: string): Promise<void> => replaceData(path, { open: exec, frozen: false })
  const world = await startWorld({ certificates, policy, spoilBundle })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  return world
}
async function session(world: World, route = 'db1'): Promise<Running> {
  const ssh = start('ssh', ['-F', world.config, route, 'echo in; cat'])
  await ssh.line(/^in$/)
  return ssh
}
const bundle = (world: World): string => world.workspace.path('bundle.tar.gz')
function changeConfig(world: World, change: (config: ReturnType<typeof parse>) => void): void {
  const path = world.workspace.path('regate.yaml')
  const config = parse(readFileSync(path, 'utf8'))
  change(config)
  writeFileSync(path, stringify(config))
}

test('a change of data cuts at once who is no more allowed, and nobody is let in any more', async () => {
  await using world = await aWorld()
  await using ssh = await session(world)
  await replaceData(bundle(world), { open: exec, frozen: true })
  assert.equal(await ssh.ended(), 255)
  assert.match(ssh.lines.join('\n'), /denied by policy: frozen \[freeze\]/)
  assert.match((await world.ssh('db1', ['true'])).stderr, /frozen/)
})
test('a change of data narrows at once what is open', async () => {
  await using world = await aWorld()
  await using ssh = await session(world)
  await replaceData(bundle(world), { open: {}, frozen: false })
  assert.equal(await ssh.ended(), 255)
  assert.match(ssh.lines.join('\n'), /regate: closed: permit-exec@regate is not in the certificate/)
})
test('a bundle that is cut short changes nothing, and the log and the API say so', async () => {
  await using world = await aWorld()
  await using ssh = await session(world)
  const before = await (await api(world.gateway, '/v1/policy')).json()
  writeFileSync(bundle(world), readFileSync(bundle(world)).subarray(0, 500))
  await world.gateway.line(/POLICY_BUNDLE.*the bundle is unusable: nothing has changed/)
  const after = (await (await api(world.gateway, '/v1/policy')).json()) as { error: { code: string } }
  assert.equal(after.error.code, 'POLICY_BUNDLE')
  assert.equal(ssh.child.exitCode, null)
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  assert.equal((before as { revision: string }).revision, (after as unknown as { revision: string }).revision)
})
test('nor does one that gives no decision any more', async () => {
  await using world = await aWorld()
  await replaceData(bundle(world), { frozen: false })
  await world.gateway.line(/gives no decision where the one in force does/)
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
test('a bundle that comes later puts a gateway without one to work', async () => {
  await using world = await startWorld({
    certificates,
    policy,
    spoilBundle: (path) => renameSync(path, `${path}.later`),
  })
  assert.match((await world.ssh('db1', ['true'])).stderr, /POLICY_MISSING/)
  await replaceData(`${bundle(world)}.later`, { open: exec, frozen: false })
  renameSync(`${bundle(world)}.later`, bundle(world))
  await world.gateway.line(/another bundle is in force/)
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})

test('a route that is taken away cuts its sessions, one that comes is there at once', async () => {
  await using world = await aWorld()
  await using gone = await session(world, 'db1')
  await using stays = await session(world, 'db2')
  changeConfig(world, (config) => {
    config.routes[0].name = 'db3'
  })
  assert.equal(await gone.ended(), 255)
  assert.match(gone.lines.join('\n'), /no access to postgres@db1, or no such route/)
  assert.equal(stays.child.exitCode, null)
  assert.equal((await world.ssh('db3', ['true'])).code, 0)
})
test('a configuration with a fault changes nothing, and the log names the fault', async () => {
  await using world = await aWorld()
  changeConfig(world, (config) => {
    config.routes = []
    config.limits.channels = 'many'
  })
  await world.gateway.line(/"where":"regate.yaml:\d+.*whole number|channels/)
  await world.gateway.line(/the configuration is unusable: nothing has changed/)
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
test('SIGHUP reads it too, and what takes a restart is named', async () => {
  await using world = await aWorld()
  changeConfig(world, (config) => {
    config.gateway.name = 'other'
  })
  world.gateway.child.kill('SIGHUP')
  await world.gateway.line(/"restart":\["gateway"\].*take a restart/)
})
test('a token that is taken away opens nothing more, and ends who reads along', async () => {
  await using world = await aWorld()
  const tail = await api(world.gateway, '/v1/decisions/tail')
  changeConfig(world, (config) => {
    config.http.tokens = []
  })
  await tail.text().catch(() => '')
  assert.equal((await api(world.gateway, '/v1/decisions')).status, 401)
})
test('a limit counts from then on', async () => {
  await using world = await aWorld()
  changeConfig(world, (config) => {
    config.limits.offers = 1
  })
  await world.gateway.line(/routes, limits and tokens are as they stand/)
  world.workspace.key('unknown')
  const keys = ['-o', 'IdentitiesOnly=yes', '-i', world.workspace.path('unknown'), '-i', world.workspace.path('alice')]
  const done = await world.ssh('db1', ['true'], { key: 'unknown', options: [...keys, '-o', 'BatchMode=yes'] })
  assert.notEqual(done.code, 0)
})
test('a login that is revoked cuts its session, and the next connection signs in again', async () => {
  await using world = await aWorld()
  await using ssh = await session(world)
  const { logins } = (await (await api(world.gateway, '/v1/logins')).json()) as { logins: { id: string }[] }
  const answer = await api(world.gateway, `/v1/logins/${logins[0]?.id}`, 'DELETE')
  assert.equal(answer.status, 204)
  assert.equal(await ssh.ended(), 255)
  assert.match(ssh.lines.join('\n'), /your login was revoked/)
  assert.match(
    (await world.ssh('db1', ['true'], { options: ['-o', 'BatchMode=yes'] })).stderr,
    /Permission denied|sign/,
  )
})
