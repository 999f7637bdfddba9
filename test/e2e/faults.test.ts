import assert from 'node:assert/strict'
import { readFileSync, renameSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../demo/free-port.ts'
import { replaceData } from '../support/bundle.ts'
import { strangersSignIn } from '../support/policy.ts'
import { start } from '../support/process.ts'
import { acceptedBy, decisionsOf, faultsOfLog } from '../support/whole-log.ts'
import { until } from '../support/workers.ts'
import { api, type DecisionEvent, type GatewayProcess, startGateway, startWorld, type World } from '../support/world.ts'

/*
 * The gateway is killed at random instants, while people log in, sessions are renewed, logins revoked, bundle and
 * configuration replaced. After each restart the log is whole, and nobody is in who should not be.
 */
const rounds = Number(process.env.FAULT_ROUNDS ?? 8)

/** Eight seconds at a time where the route's label says `open`. */
const policy = `${strangersSignIn}
decision := {
	"version": "ssh/v1",
	"outcome": "allow",
	"certificate": {"principals": ["postgres"], "ttl": 8, "extensions": {"permit-exec@regate": ["*"]}},
} if {
	input.identity
	input.target.labels.door == "open"
	data.round >= 0
}

decision := {"version": "ssh/v1", "outcome": "deny"} if {
	input.identity
	input.target.labels.door != "open"
}
`

test(`killed at ${rounds} random instants, it has lost nothing and lets nobody in who should not be`, async () => {
  const port = await freePort()
  await using world = await startWorld({
    policy,
    spoilBundle: (path) => replaceData(path, { round: 0 }),
    config: ({ sshd }) => ({
      gateway: { listen: `127.0.0.1:${port}` },
      routes: ['open', 'closed'].map((door) => ({
        name: door,
        host: '127.0.0.1',
        port: sshd.port,
        host_keys: [sshd.hostKey],
        labels: { door },
      })),
    }),
  })
  assert.equal((await world.ssh('open', ['true'])).code, 0)
  const keys = await revocableKeys(world)
  const begun = performance.now()
  await attempt(world, 'open', 'alice', 'true').ended()
  const whole = performance.now() - begun
  const revoked: string[] = []
  let gateway: GatewayProcess = world.gateway
  for (let round = 1; round <= rounds; round++) {
    const victim = keys.pop()
    const clients = [
      ...Array.from({ length: 3 }, () => attempt(world, 'open', 'alice', 'cat')),
      attempt(world, 'closed', 'alice', 'true'),
      ...revoked.slice(-2).map((key) => attempt(world, 'open', key, 'echo revoked and in')),
    ]
    const changes = [
      replaceData(world.workspace.path('bundle.tar.gz'), { round }),
      touchConfig(world),
      victim === undefined ? undefined : revoke(gateway, victim.loginId),
    ] as const
    // Every third time people are in and the login is revoked, and it goes on to about when the first renewals are due.
    if (round % 3 === 0) {
      await Promise.all([changes[2], until(() => liveIn(gateway), Boolean)])
      await wait(4_000 + Math.random() * 4_000)
    } else await wait(Math.random() * 3 * whole)
    await gateway.stop('SIGKILL')
    if (victim !== undefined && (await changes[2]) === true) revoked.push(victim.key)
    await Promise.all([...changes, ...clients.map((client) => client.ended())])
    for (const { lines } of clients) assert.ok(!lines.includes('revoked and in'))
    gateway = await startGateway(world.workspace)
    assert.deepEqual(await (await api(gateway, '/v1/sessions')).json(), { sessions: [] })
    assertWhole(world, await decisionsOf(gateway))
  }
  assert.ok(revoked.length > 0 && revoked.length <= rounds)
  for (const key of revoked)
    assert.equal(await attempt(world, 'open', key, 'true').ended(), 255, `${key}: the login was revoked`)
  assert.equal(await attempt(world, 'open', 'alice', 'true').ended(), 0, 'and whoever may come in still does')
  const { sessions } = (await (await api(gateway, '/v1/sessions?state=ended&limit=500')).json()) as Ended
  assert.ok(sessions.some(({ end }) => end.code === 'GATEWAY_GONE'))
  await gateway.stop()
})

/** Somebody is in. */
async function liveIn(gateway: GatewayProcess): Promise<boolean> {
  const { sessions } = (await (await api(gateway, '/v1/sessions')).json()) as { sessions: object[] }
  return sessions.length > 0
}

type Ended = { readonly sessions: { readonly end: { readonly code: string } }[] }

/** Nobody is asked for a browser: it comes to what is known, or to nothing. */
const attempt = (world: World, route: string, key: string, command: string) =>
  start('ssh', [
    '-F',
    world.config,
    '-o',
    'BatchMode=yes',
    '-i',
    world.workspace.path(key),
    '-l',
    `postgres@${route}`,
    route,
    command,
  ])

/** Alice's logins by other keys, to be revoked one after the other. */
async function revocableKeys(world: World): Promise<{ readonly key: string; readonly loginId: string }[]> {
  const found: { key: string; loginId: string }[] = []
  const known = new Set(await loginIds(world.gateway))
  for (let number = 0; number < Math.min(rounds, 10); number++) {
    const key = `other-${number}`
    world.workspace.key(key)
    assert.equal((await world.ssh('open', ['true'], { key })).code, 0)
    const loginId = (await loginIds(world.gateway)).find((id) => !known.has(id)) ?? assert.fail('no login was kept')
    known.add(loginId)
    found.push({ key, loginId })
  }
  return found
}

async function loginIds(gateway: GatewayProcess): Promise<string[]> {
  const { logins } = (await (await api(gateway, '/v1/logins?limit=500')).json()) as { logins: { id: string }[] }
  return logins.map(({ id }) => id)
}

/** Whether the gateway has said that it is done. */
const revoke = (gateway: GatewayProcess, id: string): Promise<boolean> =>
  api(gateway, `/v1/logins/${id}`, 'DELETE').then(
    ({ status }) => status === 204,
    () => false,
  )

function touchConfig({ workspace }: World): void {
  const path = workspace.path('regate.yaml')
  const next = workspace.write('regate.yaml.next', readFileSync(path, 'utf8'))
  renameSync(next, path)
}

/** Every certificate that sshd accepted is in the log, the closed route has let nobody in, and the file is sound. */
function assertWhole(world: World, decisions: readonly DecisionEvent[]): void {
  assert.deepEqual(faultsOfLog(world.workspace, acceptedBy(world.sshd.log), decisions), [])
  const closed = decisions.filter(({ input }) => input.target.route === 'closed')
  assert.deepEqual(
    closed.filter(({ mapped_result }) => mapped_result.outcome !== 'deny'),
    [],
  )
}
