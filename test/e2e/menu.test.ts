import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type Part, wire } from '../../src/model/wire.ts'
import { MSG, readOpenConfirmation } from '../../src/ssh/messages.ts'
import { type Running, run, start } from '../support/process.ts'
import { startSshAgent } from '../support/ssh-agent.ts'
import { rawClient } from '../support/ssh-client.ts'
import { startVisited } from '../support/visited.ts'
import type { World } from '../support/world.ts'

/*
 * ssh gate on a terminal: the menu, and a route chosen in it that goes on in the same channel. The real ssh asks for a
 * terminal of 80×24 (`-tt`), and the test is who types.
 */
let world: World
before(async () => {
  world = await startVisited()
  assert.equal((await world.ssh('gate', ['whoami'], { user: 'alice' })).code, 0)
})
after(() => world[Symbol.asyncDispose]())

interface Typist extends Running {
  type(text: string): void
  /** All that the terminal was sent. */
  seen(): string
}
function menu(options: readonly string[] = [], env: NodeJS.ProcessEnv = { TERM: 'xterm' }): Typist {
  const args = ['-F', world.config, '-o', 'BatchMode=yes', '-l', 'alice', '-tt', ...options, 'gate']
  const running = start('ssh', args, env)
  let seen = ''
  running.child.stdout?.on('data', (bytes: Buffer) => (seen += bytes))
  return Object.assign(running, { type: (text: string) => void running.child.stdin?.write(text), seen: () => seen })
}

/** The menu with all its routes. */
async function opened(options: readonly string[] = [], env: NodeJS.ProcessEnv = { TERM: 'xterm' }): Promise<Typist> {
  const shown = menu(options, env)
  await shown.line(/bare +postgres/)
  return shown
}

/** The first line of the gateway's log after so many that has this in it. */
async function logged(before: number, part: string): Promise<string> {
  for (;;) {
    const found = world.gateway.lines.slice(before).find((line) => line.includes(part))
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a route chosen goes on in the same channel, and ends with its exit status', async () => {
  await using shown = await opened()
  const before = (await world.events()).length
  const lines = world.gateway.lines.length
  shown.type('\r')
  await logged(lines, 'session began')
  shown.type('echo ID=$LC_ID TERM=$TERM; stty size; exit 7\n')
  await shown.line(/^ID=in TERM=xterm/)
  assert.ok(shown.lines.includes('for ?[31mauthorised use only'), 'the banner of the target')
  assert.equal(await shown.ended(), 7)
  assert.equal((await world.events()).length, before + 1)
  const [decision] = await world.events()
  assert.equal(decision?.mapped_result.outcome, 'allow')
})

test('the arrows choose, l changes the login, and typing searches', async () => {
  await using shown = await opened()
  shown.type('\x1b[B')
  await shown.line(/> audited/)
  shown.type('l')
  await shown.line(/> audited +root/)
  shown.type('db')
  await shown.line(/Search: db_/)
  await shown.line(/> db1 +postgres/)
  shown.type('2')
  await shown.line(/No route fits/)
  shown.type('\x03')
  assert.equal(await shown.ended(), 0)
})

test('a route that asks for a reason is refused in the menu, which goes on', async () => {
  await using shown = await opened()
  shown.type('\x1b[B\r')
  await shown.line(/postgres@audited \.\.\./)
  await shown.line(/the policy wants something that this gateway cannot ask you for/)
  await shown.line(/decision [0-9a-f-]{36}\)/)
  shown.type('q')
  assert.equal(await shown.ended(), 0)
})

test('a route whose certificate would open no terminal says how to go there, and is not gone to', async () => {
  await using shown = await opened()
  const before = (await world.events()).length
  shown.type('\x1b[F\r')
  await shown.line(/> bare .*no terminal/)
  await shown.line(/no terminal there: ssh postgres@bare@gateway COMMAND/)
  assert.equal((await world.events()).length, before)
  shown.type('q')
  assert.equal(await shown.ended(), 0)
})

test('the agent that was offered before the choice serves behind it', async () => {
  await using agent = await startSshAgent(world.workspace, 'bob')
  await using shown = await opened(['-A', '-o', `IdentityAgent=${agent.path}`])
  const lines = world.gateway.lines.length
  shown.type('\r')
  await logged(lines, 'session began')
  shown.type('ssh-add -l; exit 0\n')
  await shown.line(/ SHA256:\S+ .*\(ED25519\)/)
  assert.equal(await shown.ended(), 0)
})

test('when the terminal changes its size the menu is drawn anew', async () => {
  using client = await rawClient({
    port: world.gateway.sshPort,
    username: 'alice',
    authHandler: [{ type: 'publickey', username: 'alice', key: world.workspace.read('alice') }],
  })
  const size = (columns: number, rows: number): Part[] => [{ uint32: columns }, { uint32: rows }]
  client.send(wire(MSG.channelOpen, 'session', { uint32: 0 }, { uint32: 1_000_000 }, { uint32: 32_768 }))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  const ask = (name: string, ...details: Part[]): void =>
    client.send(wire(MSG.channelRequest, { uint32: sender }, name, { boolean: false }, ...details))
  const screen = async (whole: RegExp): Promise<string[]> => {
    for (;;) {
      const text = (await client.next(MSG.channelData)).toString('utf8', 9)
      if (whole.test(text)) return text.replaceAll(/\x1b\[[?\d]*[a-zA-Z]/g, '').split('\r\n')
    }
  }
  ask('pty-req', 'xterm', ...size(80, 24), ...size(0, 0), '')
  ask('shell')
  await screen(/1\/3 /)
  ask('window-change', ...size(30, 5), ...size(0, 0))
  assert.deepEqual(await screen(/1\/3 /), [
    'test: routes open to alice@ex…',
    'Search: _',
    '> db1      postgres  (l: root)',
    '',
    '1/3  up/down, Enter goes, typ…',
  ])
})

test('a terminal that cannot move its cursor is sent nothing that would', async () => {
  await using shown = await opened([], { TERM: 'dumb' })
  shown.type('q')
  assert.equal(await shown.ended(), 0)
  assert.ok(!shown.seen().includes('\x1b'))
})

test('without colours the chosen line has its mark alone', async () => {
  await using plain = await opened(['-o', 'SendEnv=NO_COLOR'], { TERM: 'xterm', NO_COLOR: '1' })
  await using marked = await opened()
  assert.deepEqual([plain.seen().includes('\x1b[7m'), marked.seen().includes('\x1b[7m')], [false, true])
})

test('a second session on the connection keeps the menu from going anywhere; after it has gone there they go there too', async () => {
  const socket = world.workspace.path('mux')
  await using shown = await opened(['-o', 'ControlMaster=yes', '-o', `ControlPath=${socket}`])
  const others = ['-F', world.config, '-o', `ControlPath=${socket}`, '-l', 'alice', '-tt', 'gate']
  await using other = start('ssh', others, { TERM: 'xterm' })
  await other.line(/audited +postgres/)
  shown.type('\r')
  await shown.line(/close what else is open on this connection first/)
  other.child.stdin?.write('q')
  await other.ended()
  const lines = world.gateway.lines.length
  shown.type('\r')
  await logged(lines, 'session began')
  const done = await run('ssh', [
    '-F',
    world.config,
    '-o',
    `ControlPath=${socket}`,
    '-l',
    'alice',
    'gate',
    'echo second',
  ])
  assert.deepEqual([done.code, done.stdout], [0, 'second\n'], done.stderr)
  shown.type('exit 0\n')
  assert.equal(await shown.ended(), 0)
})

test('a login revoked while the menu is open opens nothing any more', async () => {
  const first = await world.ssh('gate', ['whoami'], { user: 'alice', key: 'bob' })
  assert.equal(first.code, 0)
  await using shown = await opened(['-i', world.workspace.path('bob'), '-o', 'IdentityFile=none'])
  assert.equal((await world.ssh('gate', ['logout'], { user: 'alice', key: 'bob' })).code, 0)
  shown.type('\r')
  assert.equal(await shown.ended(), 255)
  assert.ok(shown.lines.some((line) => line.includes('your login was revoked')))
})

for (const [rule, keys] of [
  ['q', 'q'],
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
  ['a lone ESC', '\x1b'],
] as const)
  test(`${rule} leaves`, async () => {
    await using shown = await opened()
    shown.type(keys)
    assert.equal(await shown.ended(), 0)
    assert.ok(shown.seen().endsWith('\x1b[?25h\x1b[?1049l'))
  })

test('a certificate that opens no terminal when it comes to it is refused in the menu', async () => {
  await using shown = await opened()
  const lines = world.gateway.lines.length
  const config = parse(world.workspace.read('regate.yaml')) as { routes: { name: string; labels: object }[] }
  for (const route of config.routes) if (route.name === 'db1') route.labels = { ...route.labels, bare: 'yes' }
  world.workspace.write('regate.yaml', stringify(config))
  world.gateway.child.kill('SIGHUP')
  await logged(lines, 'limits and tokens are as they stand')
  shown.type('\r')
  await shown.line(/no terminal there: permit-pty is not in the certificate/)
  await logged(lines, '"NO_TERMINAL"')
  shown.type('q')
  assert.equal(await shown.ended(), 0)
})
