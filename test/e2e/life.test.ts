import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../demo/free-port.ts'
import type { CertificateRequest, Extensions } from '../../src/model/certificate.ts'
import { type Running, start } from '../support/process.ts'
import { ask, echoServer } from '../support/sockets.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/*
 * A live session under one certificate after the other: it goes on while the policy says so, within what the latest one
 * opens, and no longer than any of them lets it.
 */
const run: Extensions = { 'permit-exec@regate': ['*'] }
const tcp: Extensions = { 'permit-port-forwarding': '' }
const deny = { version: 'ssh/v1', outcome: 'deny', reasons: [{ code: 'over', message: 'your shift is over' }] }

/** Seconds that most certificates live: enough to log in and to begin with them, on a machine that has much to do. */
const ttl = 8

/** The first certificate, and what the policy answers after it. */
const routes: Record<string, [first: Partial<CertificateRequest>, later?: object | string]> = {
  again: [{ ttl, extensions: run }],
  denied: [{ ttl, extensions: run }, deny],
  mute: [{ ttl, extensions: run }, 'undefined'],
  signin: [
    { ttl, extensions: run },
    { version: 'ssh/v1', outcome: 'challenge', require: [{ type: 'login' }] },
  ],
  forced: [{ ttl, extensions: run }, allow({ ttl, extensions: run, critical_options: { 'force-command': 'id' } })],
  userrc: [{ ttl, extensions: run }, allow({ ttl, extensions: { ...run, 'permit-user-rc': '' } })],
  account: [{ ttl, extensions: run }, allow({ ttl, extensions: run, principals: ['deploy'] })],
  noexec: [{ ttl, extensions: { ...run, ...tcp } }, allow({ ttl: 60, extensions: tcp })],
  noforward: [{ ttl, extensions: { ...run, ...tcp } }, allow({ ttl: 60, extensions: run })],
  nopty: [{ ttl, extensions: { ...run, 'permit-pty': '' } }, allow({ ttl: 60, extensions: run })],
  one: [{ ttl, extensions: run }, allow({ ttl: 60, extensions: { ...run, 'max-sessions@regate': 1 } })],
  limited: [{ ttl, extensions: { ...run, 'session-limit@regate': 12 } }],
  unlimited: [{ ttl, extensions: run }],
  shortened: [{ ttl, extensions: run }, allow({ ttl: 60, extensions: { ...run, 'session-limit@regate': 9 } })],
  idle: [{ ttl: 60, extensions: { ...run, 'idle-timeout@regate': 5 } }],
  environment: [{ extensions: { ...run, 'set-env@regate': { LC_TICKET: 'T-1', WHO: 'a "b" $c' } } }],
}

let world: World
before(async () => {
  const entries = Object.entries(routes)
  world = await startWorld({
    certificates: Object.fromEntries(entries.map(([name, [first]]) => [name, first])),
    renewals: Object.fromEntries(entries.flatMap(([name, [, later]]) => (later === undefined ? [] : [[name, later]]))),
    sshd: (workspace) => {
      workspace.write('principals-postgres', 'dba\npostgres\n', 0o644)
      return [`AuthorizedPrincipalsFile ${workspace.path('principals-%u')}`]
    },
    config: ({ sshd }) => ({
      routes: [['dba'], ['nobody']].map((principals) => ({
        name: `roles-${principals}`,
        host: '127.0.0.1',
        port: sshd.port,
        host_keys: [sshd.hostKey],
        principals: 'roles',
        labels: { decision: JSON.stringify(allow({ principals, extensions: run })) },
      })),
    }),
  })
  assert.equal((await world.ssh('environment', ['true'])).code, 0) // the one sign-in
})
after(() => world[Symbol.asyncDispose]())

async function session(route: string, command = 'echo in; cat', options: string[] = []): Promise<Running> {
  const ssh = start('ssh', ['-F', world.config, ...options, route, command])
  await ssh.line(/^in/)
  return ssh
}
const eventsOf = async (route: string) => (await world.events()).filter(({ input }) => input.target.route === route)

/** Looks again and again; the test's own time limit ends it. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(25)
}

// All of these wait for something, and are best waited for together.
describe('under one certificate after the other', { concurrency: true }, () => {
  test('allowed again and again, the session goes on, each time with a record and a serial of its own', async () => {
    await using ssh = await session('again')
    await until(async () => (await eventsOf('again')).length >= 4)
    assert.equal(ssh.child.exitCode, null)
    const events = (await eventsOf('again')).reverse()
    assert.equal(new Set(events.map(({ labels }) => labels.session_id)).size, 1)
    assert.equal(new Set(events.map(({ mapped_result }) => mapped_result.certificate?.serial)).size, events.length)
    assert.deepEqual(
      events.map(({ input }) => input.session?.renewals),
      [undefined, ...events.slice(1).keys()],
    )
    ssh.child.stdin?.end()
    assert.equal(await ssh.ended(), 0)
  })

  const ends: [rule: string, route: string, says: RegExp, code: string][] = [
    ['a denial cuts, with the policy’s reason', 'denied', /your shift is over \[over\]/, 'DENIED_BY_POLICY'],
    ['a demand is a denial', 'signin', /wants something/, 'CHALLENGE_UNSUPPORTED'],
    ['no answer cuts when the certificate ends', 'mute', /the certificate has ended/, 'CERTIFICATE_EXPIRED'],
    ['the forced command must stay', 'forced', /what cannot change/, 'CERTIFICATE_FROZEN'],
    ['permit-user-rc must stay', 'userrc', /what cannot change/, 'CERTIFICATE_FROZEN'],
    ['the account must stay among the principals', 'account', /CERTIFICATE_LOGIN/, 'CERTIFICATE_LOGIN'],
    ['session-limit cuts, whatever is renewed', 'limited', /as long as it may/, 'SESSION_LIMIT'],
    ['a renewal may shorten it', 'shortened', /as long as it may/, 'SESSION_LIMIT'],
    ['idle-timeout cuts a silence', 'idle', /nothing has passed/, 'IDLE_TIMEOUT'],
  ]
  for (const [rule, route, says, code] of ends)
    test(rule, async () => {
      await using ssh = await session(route)
      assert.equal(await ssh.ended(), 255)
      assert.match(ssh.lines.join('\n'), says)
      await world.gateway.line(new RegExp(`"code":"${code}".*session ended`))
    })
  test('idle-timeout leaves be what is not silent', async () => {
    const done = await world.ssh('idle', ['for i in 1 2 3 4 5 6 7 8; do sleep 1; echo $i; done'])
    assert.deepEqual([done.code, done.stdout.length], [0, 16])
  })
  test('without session-limit the session is not limited', async () => {
    assert.equal((await world.ssh('unlimited', ['sleep 13; echo still here'])).stdout, 'still here\n')
  })

  // Narrower

  test('what a narrower certificate does not open is closed: a command', async () => {
    await using ssh = await session('noexec')
    assert.equal(await ssh.ended(), 255)
    assert.match(ssh.lines.join('\n'), /regate: closed: permit-exec@regate is not in the certificate/)
  })
  test('a terminal', async () => {
    await using ssh = await session('nopty', 'echo in; cat', ['-tt'])
    assert.equal(await ssh.ended(), 255)
    assert.match(ssh.lines.join('\n'), /regate: closed: permit-pty/)
  })
  test('a forward and a listener, while the command goes on', async () => {
    await using server = await echoServer({ port: 0 })
    const [near, far] = [await freePort(), await freePort()]
    const forwards = ['-L', `127.0.0.1:${near}:127.0.0.1:${server.port}`, '-R', `${far}:127.0.0.1:${server.port}`]
    await using ssh = await session('noforward', 'echo in; cat', ['-o', 'ExitOnForwardFailure=yes', ...forwards])
    assert.deepEqual([await ask({ port: near }), await ask({ port: far })], ['2 hi', '2 hi'])
    const open = connect({ port: near, host: '127.0.0.1' }).on('error', () => {})
    await once(open, 'close') // nothing else would close it
    await until(async () => (await ask({ port: far })) === '')
    assert.equal(await ask({ port: near }), '')
    ssh.child.stdin?.end('still here\n')
    assert.equal(await ssh.ended(), 0)
    assert.ok(ssh.lines.includes('still here'))
  })
  test('fewer sessions than are open close none of them, and open no more', async () => {
    const control = world.workspace.path('control-one')
    const share = ['-S', control, '-o', 'ProxyCommand=false']
    await using first = await session('one', 'echo in; cat', ['-M', '-S', control])
    await using second = await session('one', 'echo in; cat', share)
    await until(async () => /refused by peer/.test((await world.ssh('one', ['id'], { options: share })).stderr))
    for (const open of [first, second]) {
      open.child.stdin?.write('still here\n')
      await open.line(/^still here$/)
    }
    second.child.stdin?.end()
    assert.equal(await second.ended(), 0)
    first.child.stdin?.end()
    assert.equal(await first.ended(), 0)
  })
})

test('what cut a session stands in the log of decisions, linked to what let it in', async () => {
  const [last, first] = await eventsOf('denied')
  assert.deepEqual([last?.mapped_result.outcome, first?.mapped_result.outcome], ['deny', 'allow'])
  assert.equal(last?.labels.session_id, first?.labels.session_id)
})
test('a policy that gives no answer is asked again and again', async () => {
  const denials = (await eventsOf('mute')).filter(({ mapped_result }) => mapped_result.code === 'POLICY_UNDEFINED')
  assert.ok(denials.length >= 2)
})

// The remaining rows

test('set-env sets variables, whatever the client sends under their names', async () => {
  const done = await world.ssh('environment', ['echo "$LC_TICKET|$WHO"'], {
    env: { LC_TICKET: 'mine' },
    options: ['-o', 'SendEnv=LC_TICKET'],
  })
  assert.equal(done.stdout, 'T-1|a "b" $c\n')
})
test('and no others', async () => {
  assert.equal((await world.ssh('again', ['echo "$LC_TICKET|$WHO"'])).stdout, '|\n')
})
test('principals: roles are mapped to accounts by the host', async () => {
  assert.equal((await world.ssh('roles-dba', ['echo in'])).stdout, 'in\n')
})
test('and a role that the host does not map opens nothing', async () => {
  assert.match((await world.ssh('roles-nobody', ['echo in'])).stderr, /TARGET_REFUSED/)
})
