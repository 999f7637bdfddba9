import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Running, start } from '../support/process.ts'
import { startVisited } from '../support/visited.ts'
import type { World } from '../support/world.ts'

/*
 * What ends a visit by itself: silence, the end of a login, the end of a robot's key. All times are short here, and each is
 * waited for by what comes of it.
 */
let world: World
before(async () => {
  world = await startVisited((workspace) => {
    workspace.key('robot')
    workspace.write('robots.keys', '')
    return {
      limits: { menu_idle: '1500ms', ident_wait: '3s' },
      identity: { login_ttl: '4s', keys: 'robots.keys' },
    }
  })
})
after(() => world[Symbol.asyncDispose]())

test('who says nothing for limits.menu_idle is cut', async () => {
  const done = await world.ssh('gate', [], { user: 'alice', options: ['-N'] })
  assert.equal(done.code, 255)
  assert.match(done.stderr, /nothing has passed for too long/)
})

/** By a key with which nobody has signed in, or not of late. */
async function arriving(...args: string[]): Promise<Running> {
  const known = ['-F', world.config, '-i', world.workspace.path('bob'), '-o', 'IdentityFile=none', '-l', 'alice']
  const ssh = start('ssh', [...known, ...args], { TERM: 'dumb' })
  const told = await ssh.line(/Code {3}\S+/)
  await world.issuer.approve(/Code {3}(\S+)/.exec(told)?.[1] ?? '', 'alice')
  return ssh
}

test('but not while a jump is open, which has an end of its own', async () => {
  await using silent = await arriving('-W', 'db1:22', 'gate')
  const begun = await silent.line(/^SSH-2\.0-\S+$/)
  await silent.ended()
  assert.deepEqual(silent.lines.slice(silent.lines.indexOf(begun) + 1), [])
  await world.ssh('gate', ['logout'], { user: 'alice', key: 'bob' })
})

test('a login that has run out while the menu was open opens nothing more', async () => {
  await using menu = await arriving('-tt', 'gate')
  await menu.line(/> db1/)
  menu.child.stdin?.write('audited')
  const over = menu.line(/your login has come to its end/)
  const typing = setInterval(() => menu.child.stdin?.write('\r'), 300)
  try {
    await over // until then the route asks for a reason that cannot be given
  } finally {
    clearInterval(typing)
  }
})

test('a robot’s key whose time is over ends the visit', async () => {
  const end = new Date(Date.now() + 4_000).toISOString().replaceAll(/[-:T]|\..*/g, '')
  const [type, key] = world.workspace.read('robot.pub').split(' ')
  const lines = world.gateway.lines.length
  world.workspace.write('robots.keys', `username="ci",groups="dba",expiry-time="${end}Z" ${type} ${key}\n`)
  while (!world.gateway.lines.slice(lines).some((line) => line.includes('robots')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  const args = ['-F', world.config, '-i', world.workspace.path('robot'), '-o', 'IdentityFile=none', '-l', 'ci']
  await using visit = start('ssh', [...args, '-tt', 'gate'], { TERM: 'dumb' })
  const typing = setInterval(() => visit.child.stdin?.write('\x1b[B'), 300)
  try {
    await visit.line(/this key has expired/)
    assert.equal(await visit.ended(), 255)
    assert.ok(
      visit.lines.some((line) => /> db1/.test(line)),
      'until then it was there',
    )
  } finally {
    clearInterval(typing)
  }
})
