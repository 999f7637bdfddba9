import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Running, run, start } from '../support/process.ts'
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
  await shown.line(/audited +postgres/)
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
