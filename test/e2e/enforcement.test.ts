import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { freePort } from '../../demo/free-port.ts'
import type { CertificateRequest, Extensions } from '../../src/model/certificate.ts'
import { start } from '../support/process.ts'
import { ask, echoServer } from '../support/sockets.ts'
import { until } from '../support/workers.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * Every row of the table of certificate fields, on a real channel from the real ssh through the gateway to a real sshd: what
 * it opens, and that it is closed without it. sshd itself would allow all of it, but where the row says that it enforces.
 */
const run: Extensions = { 'permit-exec@regate': ['*'] }
const tcp: Extensions = { 'permit-port-forwarding': '' }
const certificates: Record<string, Partial<CertificateRequest>> = {
  blank: {},
  exec: { extensions: run },
  patterns: { extensions: { 'permit-exec@regate': ['echo *', 'uname'] } },
  shell: { extensions: { 'permit-shell@regate': '' } },
  pty: { extensions: { ...run, 'permit-pty': '' } },
  agent: { extensions: { ...run, 'permit-agent-forwarding': '' } },
  x11: { extensions: { ...run, 'permit-X11-forwarding': '' } },
  sftp: { extensions: { 'permit-subsystem@regate': ['sftp'] } },
  forced: { critical_options: { 'force-command': 'echo forced "$SSH_ORIGINAL_COMMAND"' } },
  forward: { extensions: { ...run, ...tcp } },
  open: { extensions: { ...run, ...tcp, 'permit-open@regate': ['127.0.0.1:*'] } },
  openname: { extensions: { ...run, ...tcp, 'permit-open@regate': ['localhost:*'] } },
  listen: { extensions: { ...run, ...tcp, 'permit-listen@regate': ['localhost:*'] } },
  socket: {
    extensions: { ...run, ...tcp, 'permit-socket@regate': { open: ['/**/open-*'], listen: ['/**/listen-*'] } },
  },
  env: { extensions: { ...run, 'permit-env@regate': ['FOO_*'] } },
  userrc: { extensions: { ...run, 'permit-user-rc': '' } },
  two: { extensions: { ...run, 'max-sessions@regate': 2 } },
  none: { extensions: { ...run, 'max-sessions@regate': 0 } },
  elsewhere: { extensions: run, critical_options: { 'source-address': ['10.0.0.0/8'] } },
  here: { extensions: run, critical_options: { 'source-address': ['127.0.0.0/8'] } },
  stranger: { principals: ['deploy'], extensions: run },
  both: { principals: ['deploy', 'postgres'], extensions: run },
}

let world: World
before(async () => {
  world = await startWorld({ certificates })
  // One sign-in for the whole file.
  const first = await world.ssh('exec', ['true'])
  assert.equal(first.code, 0, first.stderr)
})
after(() => world[Symbol.asyncDispose]())

const noTty = ['-T']
const refusedBy = (field: string): RegExp => new RegExp(`refused: ${field.replace(/[.@]/g, '\\$&')}`)

const programs: [rule: string, route: string, args: string[], out: string | undefined, says?: RegExp][] = [
  ['a blank certificate opens no shell', 'blank', noTty, undefined, refusedBy('permit-shell@regate')],
  ['and no command', 'blank', ['id'], undefined, refusedBy('permit-exec@regate')],
  ['and no subsystem', 'blank', ['-s', 'sftp'], undefined, refusedBy('permit-subsystem@regate')],
  ['permit-exec opens any command with a star', 'exec', ['echo one; echo two'], 'one\ntwo\n'],
  ['but no shell', 'exec', noTty, undefined, refusedBy('permit-shell@regate')],
  ['a command that is named runs', 'patterns', ['echo', 'hello'], 'hello\n'],
  ['one that goes on does not', 'patterns', ['echo hello; id'], undefined, refusedBy('permit-exec@regate')],
  ['nor one that substitutes', 'patterns', ['echo $(id)'], undefined, refusedBy('permit-exec@regate')],
  ['permit-shell opens the shell', 'shell', noTty, 'from the shell\n'],
  ['but no command', 'shell', ['id'], undefined, refusedBy('permit-exec@regate')],
  ['a forced command runs in place of the command', 'forced', ['rm', '-rf', '/'], 'forced rm -rf /\n'],
  ['and in place of the shell', 'forced', noTty, 'forced \n'],
  ['permit-subsystem opens what it names', 'sftp', ['-s', 'sftp'], ''],
  ['and nothing else', 'sftp', ['-s', 'netconf'], undefined, refusedBy('permit-subsystem@regate')],
  ['a principal that is the login is let in', 'both', ['echo in'], 'in\n'],
  ['principals without the login are not signed', 'stranger', ['id'], undefined, /CERTIFICATE_LOGIN/],
  ['a source-address that covers the gateway is let in by sshd', 'here', ['echo in'], 'in\n'],
  ['one that leaves it out is not signed', 'elsewhere', ['id'], undefined, /CERTIFICATE_SOURCE_ADDRESS/],
  ['no session at all when none may be open', 'none', ['id'], undefined, /max-sessions@regate/],
]
for (const [rule, route, args, out, says = /^$/] of programs)
  test(rule, async () => {
    const done = await world.ssh(route, args, { input: route === 'shell' ? 'echo from the shell\n' : '' })
    assert.equal(done.code === 0 ? done.stdout : undefined, out, done.stderr)
    assert.match(done.stderr, says)
  })

test('every certificate is for the gateway’s own address, and sshd holds it to that', async () => {
  const { stdout } = await world.ssh('exec', ['cat $SSH_USER_AUTH'])
  const [event] = await world.events()
  assert.equal(stdout.trim().split(' ')[2], event?.mapped_result.certificate?.signed)
})

test('permit-pty opens a terminal', async () => {
  const done = await world.ssh('pty', ['-tt', 'tty'])
  assert.match(done.stdout, /^\/dev\/pts\/\d+\r\n$/)
})
test('without it there is none', async () => {
  const done = await world.ssh('exec', ['-tt', 'tty'])
  assert.match(done.stderr, /PTY allocation request failed/)
})

const environment: [rule: string, route: string, name: string, passes: boolean][] = [
  ['LC_ names pass by default', 'exec', 'LC_TEST', true],
  ['others do not', 'exec', 'FOO_BAR', false],
  ['permit-env names what passes', 'env', 'FOO_BAR', true],
  ['in place of the default', 'env', 'LC_TEST', false],
]
for (const [rule, route, name, passes] of environment)
  test(rule, async () => {
    const { stdout } = await world.ssh(route, [`echo "$${name}"`], {
      env: { [name]: 'yes' },
      options: ['-o', `SendEnv=${name}`],
    })
    assert.equal(stdout, passes ? 'yes\n' : '\n')
  })

for (const [rule, route, runs] of [
  ['permit-user-rc has sshd run ~/.ssh/rc', 'userrc', true],
  ['without it sshd does not', 'exec', false],
] as const)
  test(rule, async () => {
    const mark = `${world.sshd.home}/rc-ran`
    rmSync(mark, { force: true })
    writeFileSync(`${world.sshd.home}/.ssh/rc`, `touch ${mark}\n`)
    assert.equal((await world.ssh(route, ['true'])).code, 0)
    assert.equal(existsSync(mark), runs)
  })

for (const [rule, route, works] of [
  ['permit-agent-forwarding brings the agent', 'agent', true],
  ['without it there is none', 'exec', false],
] as const)
  test(rule, async () => {
    const socket = world.workspace.path(`agent-${route}`)
    await using agent = start('ssh-agent', ['-D', '-a', socket])
    await agent.line(/SSH_AUTH_SOCK/)
    const done = await world.ssh(route, ['ssh-add -l 2>&1; true'], {
      env: { SSH_AUTH_SOCK: socket },
      options: ['-A', '-o', `IdentityAgent=${socket}`, '-i', world.workspace.path('alice')],
    })
    assert.match(done.stdout, works ? /The agent has no identities/ : /Could not open a connection/)
  })

for (const [rule, route, works] of [
  ['permit-X11-forwarding brings the display', 'x11', true],
  ['without it there is none', 'exec', false],
] as const)
  test(rule, async () => {
    const port = await freePort()
    await using _display = await echoServer({ port })
    const script = `[ -n "$DISPLAY" ] || { echo none; exit; }; port=$((6000 + $(echo $DISPLAY | sed 's/.*:\\([0-9]*\\).*/\\1/'))); exec 3<>/dev/tcp/127.0.0.1/$port && echo $DISPLAY`
    const done = await world.ssh(route, [`bash -c ${JSON.stringify(script).replaceAll('$', '\\$')}`], {
      env: { DISPLAY: `127.0.0.1:${port - 6_000}` },
      options: ['-Y', '-o', 'XAuthLocation=/usr/bin/xauth'],
    })
    assert.match(done.stdout, works ? /^\S+:\d+\.0\n$/ : /^none\n$/, done.stderr)
  })

// Forwards

/** ssh -N with a forward, in the foreground until it is disposed of. */
async function forwarding(route: string, args: string[], ready: RegExp) {
  const process = start('ssh', [
    '-v',
    '-N',
    '-F',
    world.config,
    '-l',
    `postgres@${route}`,
    '-o',
    'ExitOnForwardFailure=no',
    ...args,
    route,
  ])
  await process.line(ready)
  return process
}

const forwards: [rule: string, route: string, host: string, works: boolean][] = [
  ['permit-port-forwarding opens -L', 'forward', '127.0.0.1', true],
  ['without it -L is closed', 'exec', '127.0.0.1', false],
  ['permit-open opens the address that it names', 'open', '127.0.0.1', true],
  ['and not the name of it', 'open', 'localhost', false],
  ['permit-open opens the name that it names', 'openname', 'localhost', true],
  ['and not the address behind it', 'openname', '127.0.0.1', false],
  ['permit-listen alone closes -L', 'listen', '127.0.0.1', false],
]
for (const [rule, route, host, works] of forwards)
  test(rule, async () => {
    await using server = await echoServer({ port: 0 })
    const port = await freePort()
    await using _ssh = await forwarding(
      route,
      ['-L', `127.0.0.1:${port}:${host}:${server.port}`],
      /Entering interactive session|pledge/,
    )
    const answer = await ask({ port })
    assert.equal(answer, works ? '2 hi' : '')
  })

const remotes: [rule: string, route: string, works: boolean][] = [
  ['permit-port-forwarding opens -R', 'forward', true],
  ['without it -R is closed', 'exec', false],
  ['permit-listen opens -R', 'listen', true],
  ['permit-open alone closes -R', 'open', false],
]
for (const [rule, route, works] of remotes)
  test(rule, async () => {
    await using server = await echoServer({ port: 0 })
    const port = await freePort()
    await using _ssh = await forwarding(
      route,
      ['-R', `${port}:127.0.0.1:${server.port}`],
      /remote forward (success|failure)/,
    )
    const answer = await ask({ port })
    assert.equal(answer, works ? '2 hi' : '')
  })

const sockets: [rule: string, route: string, name: string, works: boolean][] = [
  ['permit-socket opens the path that it names', 'socket', 'open-a', true],
  ['and no other', 'socket', 'other-a', false],
  ['permit-port-forwarding opens no socket', 'forward', 'open-b', false],
]
for (const [rule, route, name, works] of sockets)
  test(`to a socket: ${rule}`, async () => {
    const path = world.workspace.path(name)
    await using _server = await echoServer({ path })
    const port = await freePort()
    await using _ssh = await forwarding(
      route,
      ['-L', `127.0.0.1:${port}:${path}`],
      /Entering interactive session|pledge/,
    )
    assert.equal(await ask({ port }), works ? '2 hi' : '')
  })
const listeningSockets: [rule: string, route: string, name: string, works: boolean][] = [
  ['permit-socket opens the path that it names', 'socket', 'listen-a', true],
  ['to open it is not to listen on it', 'socket', 'open-c', false],
  ['permit-port-forwarding opens no socket', 'forward', 'listen-b', false],
]
for (const [rule, route, name, works] of listeningSockets)
  test(`from a socket: ${rule}`, async () => {
    await using server = await echoServer({ port: 0 })
    const path = world.workspace.path(name)
    await using _ssh = await forwarding(
      route,
      ['-R', `${path}:127.0.0.1:${server.port}`],
      /remote forward (success|failure)/,
    )
    assert.equal(await ask({ path }), works ? '2 hi' : '')
  })

test('an address with a zone, which ssh sends as it was typed, is asked of the target', async () => {
  const done = await world.ssh('forward', [], { options: ['-W', '[fe80::1%lo]:1'] })
  assert.match(done.stderr, /open failed: connect failed/)
})
test('a destination that is no host is not', async () => {
  const done = await world.ssh('forward', [], { options: ['-W', 'a_b%c:1'] })
  assert.match(done.stderr, /administratively prohibited: what it names is no host/)
})

test('max-sessions holds on one connection, and a closed session makes room', async () => {
  const control = world.workspace.path('control')
  await using master = start('ssh', ['-N', '-M', '-F', world.config, '-S', control, '-l', 'postgres@two', 'two'])
  while (!existsSync(control)) await new Promise((resolve) => setTimeout(resolve, 20))
  const share = ['-S', control, '-o', 'ProxyCommand=false'] // refused, ssh would make a connection of its own
  await using _one = start('ssh', ['-F', world.config, ...share, 'two', 'cat'])
  await using two = start('ssh', ['-F', world.config, ...share, 'two', 'echo here; cat'])
  await two.line(/here/)
  const third = await world.ssh('two', ['echo third'], { options: share })
  assert.notEqual(third.code, 0)
  await two.stop()
  const again = await until(
    () => world.ssh('two', ['echo third'], { options: share }),
    ({ stdout }) => stdout === 'third\n',
  )
  assert.equal(again.stdout, 'third\n', again.stderr)
  assert.equal(master.child.exitCode, null)
})

test('what was refused stands in the log with the field that decided', async () => {
  await world.ssh('blank', ['id'])
  await world.ssh('open', [], { options: ['-W', '10.0.0.1:22'] })
  const refused = (what: string, field: keyof Extensions): Promise<string> =>
    world.gateway.line(new RegExp(`"what":"${what}","field":"${field}".*refused on the connection`))
  await refused('request exec', 'permit-exec@regate')
  await refused('channel direct-tcpip', 'permit-open@regate')
})
