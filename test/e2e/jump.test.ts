import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { freePort } from '../../demo/free-port.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import { hostCa, jumping, writeJumpConfig } from '../support/jump.ts'
import { start } from '../support/process.ts'
import { ask, echoServer } from '../support/sockets.ts'
import { allow, api, startWorld, type World } from '../support/world.ts'

/*
 * ssh -J gate postgres@db1, with stock ssh on both hops and one line in known_hosts: the gateway is the target's sshd as far
 * as the inner ssh can tell, and enforces as if db1 had been asked for directly.
 */
const everything: Extensions = {
  'permit-pty': '',
  'permit-shell@regate': '',
  'permit-exec@regate': ['*'],
  'permit-subsystem@regate': ['sftp'],
  'permit-port-forwarding': '',
}
/** Lets in on jumps alone, or only without. */
const policy = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity

decision := json.unmarshal(input.target.labels.decision) if {
	input.identity
	not closed
}

decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "jump", "message": "not by a jump"}]} if {
	input.identity
	closed
}

closed if {
	input.target.labels.jump == "no"
	input.connection.jump
}
`

let world: World
let config: string
before(async () => {
  world = await startWorld({
    policy,
    config: ({ workspace, sshd }) => {
      workspace.key('bob')
      const route = (name: string, extensions: Extensions, jump = 'yes') => ({
        name,
        host: '127.0.0.1',
        port: sshd.port,
        host_keys: [sshd.hostKey],
        labels: { decision: JSON.stringify(allow({ extensions })), jump },
      })
      return {
        ...hostCa({ workspace }),
        limits: { jumps: 3 },
        routes: [
          route('db1', everything),
          route('narrow', { 'permit-exec@regate': ['echo *'] }),
          route('direct', everything, 'no'),
          { ...route('*.lab', everything), host: '127.0.0.1' },
        ],
      }
    },
  })
  config = writeJumpConfig(world.workspace, world.gateway)
  writeFileSync(world.workspace.path('big'), randomBytes(5 * 1024 * 1024))
  const first = await shell('ssh -F $F -J gate db1 true')
  assert.equal(first.code, 0, first.stderr)
})
after(() => world[Symbol.asyncDispose]())

const shell = (command: string, who?: readonly string[]) => jumping(world, config, command, who)

const carried: [rule: string, command: string, out: RegExp, code?: number][] = [
  ['a command, and its exit code', `ssh -F $F -J gate db1 'echo in; exit 7'`, /^in\n$/, 7],
  ['ProxyJump', `ssh -F $F -o ProxyJump=gate db1 'echo in'`, /^in\n$/],
  ['-W as a ProxyCommand', `ssh -F $F -o 'ProxyCommand=ssh -F '$F' -W %h:%p gate' db1 'echo in'`, /^in\n$/],
  ['the route’s own port', `ssh -F $F -J gate -p ${'$PORT'} db1 'echo in'`, /^in\n$/],
  ['a route of a pattern', `ssh -F $F -J gate web.lab 'echo in'`, /^in\n$/],
  ['the route once more in the user name', `ssh -F $F -J gate -l postgres@db1 db1 'echo in'`, /^in\n$/],
  ['a terminal', `ssh -tt -F $F -J gate db1 'tty; stty size' </dev/null`, /^\/dev\/pts\/\d+\r\n0 0\r\n$/],
  ['scp', `scp -F $F -J gate $W/big db1:$W/there && cmp $W/big $W/there && echo same`, /^same\n$/],
  [
    'sftp',
    `echo 'get '$W/big' '$W/back | sftp -q -b - -F $F -J gate db1 && cmp $W/big $W/back && echo same`,
    /same\n$/,
  ],
  [
    'keys changed on both hops all along',
    `ssh -F $F -o RekeyLimit=1M -o 'ProxyCommand=ssh -F '$F' -o RekeyLimit=1500K -W [%h]:%p gate' db1 cat < $W/big | cmp - $W/big && echo same`,
    /^same\n$/,
  ],
  [
    'several jumps on one connection',
    `ssh -F $F -M -S $W/mux -f -N gate && for n in 1 2 3; do ssh -F $F -o 'ProxyCommand=ssh -F '$F' -S '$W'/mux -W %h:%p gate' db1 'sleep 0.2; echo in' & done; wait; ssh -S $W/mux -O exit gate`,
    /^in\nin\nin\n$/,
  ],
  [
    'sessions that share the inner connection',
    `ssh -F $F -J gate -M -S $W/inner -f -N db1 && ssh -S $W/inner db1 'echo in' && ssh -S $W/inner -O exit db1`,
    /^in\n$/,
  ],
  ['the gateway as the second hop', `ssh -F $F -J hop,gate2 db1 'echo in'`, /^in\n$/],
  [
    'a jump beyond the route',
    `ssh -F $F -J gate,postgres@db1 -p $SSHD 127.0.0.1 true 2>&1`,
    /Host key verification failed/,
    255,
  ],
]
for (const [rule, command, out, code = 0] of carried)
  test(`carried: ${rule}`, async () => {
    const done = await shell(command.replace('$PORT', `${world.sshd.port}`).replace('$SSHD', `${world.sshd.port}`))
    assert.match(done.stdout, out, done.stderr)
    assert.equal(done.code, code, done.stderr)
  })

test('carried: -L and -R through the inner connection', async () => {
  await using echo = await echoServer({ port: 0 })
  const [there, here] = [await freePort(), await freePort()]
  await using ssh = start('ssh', [
    ...['-v', '-F', config, '-J', 'gate', '-N', '-o', 'ExitOnForwardFailure=yes'],
    ...['-L', `127.0.0.1:${here}:127.0.0.1:${echo.port}`, '-R', `127.0.0.1:${there}:127.0.0.1:${echo.port}`, 'db1'],
  ])
  await ssh.line(/remote forward success/)
  for (const port of [here, there]) assert.equal(await ask({ port }, 'hello'), '5 hello')
})

const refused: [rule: string, command: string, says: RegExp][] = [
  [
    'a command that the certificate does not name',
    `ssh -F $F -J gate narrow id`,
    /permit-exec@regate|exec request failed/,
  ],
  [
    'a forward that it does not open',
    `ssh -F $F -J gate -W 127.0.0.1:1 narrow`,
    /administratively prohibited: permit-port-forwarding is not in/,
  ],
  [
    'what the policy lets nobody reach by a jump',
    `ssh -F $F -J gate direct true`,
    /denied by policy: not by a jump \[jump\]/,
  ],
  [
    'a route that is not there, when it has been asked who it is',
    `ssh -F $F -J gate nowhere true`,
    /no access to postgres@nowhere, or no such route/,
  ],
  [
    'another port, in the same words',
    `ssh -F $F -J gate -p 23 db1 true`,
    /no access to postgres@db1, or no such route/,
  ],
  [
    'another port of a route that is not there',
    `ssh -F $F -J gate -p 23 nowhere true`,
    /no access to postgres@nowhere, or/,
  ],
  ['an address', `ssh -F $F -J gate 127.0.0.1 true`, /a jump leads to a route of this gateway, by its name/],
  ['an IPv6 address', `ssh -F $F -J gate ::1 true`, /a jump leads to a route of this gateway, by its name/],
  [
    'a name that no route can have',
    `ssh -F $F -W 'db_1:22' gate`,
    /a jump leads to a route of this gateway, by its name/,
  ],
  ['another route in the user name', `ssh -F $F -J gate -l postgres@narrow db1 true`, /NAME_GRAMMAR/],
  [
    'a name that the certificate is not for',
    `ssh -F $F -J gate -o HostKeyAlias=db2 db1 true`,
    /Host key verification failed/,
  ],
]
for (const [rule, command, says] of refused)
  test(`refused: ${rule}`, async () => {
    const done = await shell(command)
    assert.match(done.stderr, says)
    assert.notEqual(done.code, 0)
  })

test('refused: somebody else inside, by a key that is known', async () => {
  const known = await shell(`ssh -F $F -l bob other-gate whoami`, ['bob'])
  assert.match(known.stdout, /bob@example\.com/, known.stderr)
  const done = await shell(`ssh -F $F -i $W/bob -o IdentityFile=$W/bob -J gate db1 true`)
  const inside = await shell(`ssh -F $F -o 'ProxyCommand=ssh -F '$F' -W [%h]:%p other-gate' db1 true`)
  assert.match(inside.stderr, /inside a jump your key must be that of the person.*JUMP_PERSON/)
  assert.notEqual(inside.code, 0)
  assert.match(done.stderr, /JUMP_PERSON/)
})

test('refused: somebody else inside who signs in there, and nothing is kept of it', async () => {
  world.workspace.key('new-key')
  const done = await shell(
    `ssh -F none -o IdentityFile=$W/new-key -o IdentitiesOnly=yes -o UserKnownHostsFile=$W/known_ca -o 'ProxyCommand=ssh -F '$F' -W [%h]:%p gate' postgres@db1 true`,
    ['bob'],
  )
  assert.match(done.stderr, /Sign in to reach postgres@db1 through test/)
  assert.match(done.stderr, /JUMP_PERSON/)
  const { logins } = (await (await api(world.gateway, '/v1/logins')).json()) as { logins: { key: object }[] }
  const fingerprint = await shell(`ssh-keygen -l -f $W/new-key.pub | cut -d' ' -f2`)
  assert.ok(!JSON.stringify(logins).includes(fingerprint.stdout.trim()))
})

const byThird = `ssh -F none -o IdentityFile=$W/third -o IdentitiesOnly=yes -o UserKnownHostsFile=$W/known_ca -o 'ProxyCommand=ssh -F '$F' -W [%h]:%p gate' postgres@db1 'echo in'`

test('the same person by another key signs in inside, once', async () => {
  world.workspace.key('third')
  const first = await shell(byThird)
  assert.equal(first.stdout, 'in\n', first.stderr)
  const second = await shell(byThird)
  assert.deepEqual([second.stdout, /Sign in/.test(second.stderr)], ['in\n', false])
})

test('more jumps at once than one connection may have are refused, and there is room again', async () => {
  const within = `ssh -F $F -o 'ProxyCommand=ssh -F '$F' -S '$W'/many -W %h:%p gate' db1`
  const three = [1, 2, 3].map((n) => `${within} "echo ${n} > $W/on${n}; cat" <&9 & p${n}=$!; `).join('')
  const wait = `while ! [ -e $W/on1 -a -e $W/on2 -a -e $W/on3 ]; do sleep 0.1; done`
  const done = await shell(
    `mkfifo $W/silence; exec 9<>$W/silence; ssh -F $F -M -S $W/many -f -N gate 9>&-; ${three} ${wait}; ${within} echo four; kill $p1 $p2 $p3; wait; until ${within} echo five; do sleep 0.1; done; ssh -S $W/many -O exit gate`,
  )
  assert.equal(done.stdout, 'five\n', done.stderr)
  assert.match(done.stderr, /too many jumps|open refused|open failed|kex_exchange_identification/)
})

test('a decision by a jump is recorded as any, with where it came from', async () => {
  const done = await shell('ssh -F $F -J gate db1 true')
  assert.equal(done.code, 0)
  const [event] = await world.events()
  const { connection, target, identity } = (event ?? assert.fail()).input as unknown as {
    connection: { jump: boolean; source: { ip: string } }
    target: { route: string; login: string }
    identity: { username: string }
  }
  assert.deepEqual(
    [connection.jump, connection.source.ip, target.route, target.login, identity.username],
    [true, '127.0.0.1', 'db1', 'postgres', 'alice@example.com'],
  )
  assert.equal(event?.mapped_result.outcome, 'allow')
})

/** The ids of the live session on db1, and of the login that alice's own key opens. */
async function liveNow() {
  const get = async (path: string) => (await api(world.gateway, path)).json()
  const { sessions } = (await get('/v1/sessions')) as { sessions: { id: string; route: string; login_id: string }[] }
  const { logins } = (await get('/v1/logins')) as { logins: { id: string }[] }
  const shown = await shell(`ssh-keygen -l -f $W/alice.pub | cut -d' ' -f2`)
  const outer = logins.find((login) => JSON.stringify(login).includes(shown.stdout.trim()))
  const session = sessions.find(({ route }) => route === 'db1')
  assert.ok(session !== undefined && outer !== undefined)
  return { session, outer }
}
const endOf = async (id: string): Promise<string> => (await api(world.gateway, `/v1/sessions/${id}`)).text()
const stay = ['db1', 'echo on; cat']

test('a login that is revoked ends the connection inside, which says so', async () => {
  await using ssh = start('ssh', ['-F', config, '-J', 'gate', ...stay])
  await ssh.line(/^on$/)
  const { session, outer } = await liveNow()
  assert.equal(session.login_id, outer.id)
  await api(world.gateway, `/v1/logins/${outer.id}`, 'DELETE')
  await ssh.ended()
  assert.ok(
    ssh.lines.some((line) => /your login was revoked/.test(line)),
    ssh.lines.join('\n'),
  )
  assert.match(await endOf(session.id), /"code":"LOGIN_REVOKED"/)
})

test('what ends the outer connection ends what is inside by another login, for the same reason', async () => {
  assert.match((await shell('ssh -F $F gate whoami')).stdout, /alice@example\.com/)
  assert.equal((await shell(byThird)).stdout, 'in\n')
  const proxy = `ProxyCommand=ssh -F ${config} -W [%h]:%p gate`
  const third = ['-F', 'none', '-i', world.workspace.path('third'), '-o', 'IdentitiesOnly=yes']
  const known = ['-o', `UserKnownHostsFile=${world.workspace.path('known_ca')}`, '-o', proxy, '-l', 'postgres']
  await using ssh = start('ssh', [...third, ...known, ...stay])
  await ssh.line(/^on$/)
  const { session, outer } = await liveNow()
  assert.notEqual(session.login_id, outer.id)
  await api(world.gateway, `/v1/logins/${outer.id}`, 'DELETE')
  await ssh.ended()
  assert.match(await endOf(session.id), /"code":"LOGIN_REVOKED"/)
})

test('beside a default route the name regate is what a jump signs in by; who then says nothing is cut', async () => {
  await using other = await startWorld({
    certificates: { db1: { extensions: { 'permit-exec@regate': ['*'] } }, db2: { extensions: everything } },
    config: (parts) => {
      const { ca, gateway } = hostCa(parts)
      return { ca, gateway: { ...gateway, default_route: 'db1' }, limits: { ident_wait: '6s' } }
    },
  })
  const file = writeJumpConfig(other.workspace, other.gateway)
  const jumped = await jumping(other, file, `ssh -F $F -J regate db2 'echo in'`)
  assert.equal(jumped.stdout, 'in\n', jumped.stderr)
  const forwarded = await jumping(other, file, `ssh -F $F -l postgres -J postgres@gate db2 'echo in'`)
  assert.match(forwarded.stderr, /administratively prohibited/, 'db1 is a host, and its certificate opens no forward')
  await using silent = start('ssh', ['-F', file, '-W', 'db2:22', 'regate'])
  await silent.ended()
  assert.match(silent.lines.join('\n'), /^SSH-2\.0-\S+$/, 'and nothing else')
})
