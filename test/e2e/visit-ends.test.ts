import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Running, start } from '../support/process.ts'
import { startVisited } from '../support/visited.ts'
import { until } from '../support/workers.ts'
import type { World } from '../support/world.ts'

/*
 * What ends a visit by itself: silence, the end of a login, the end of a robot's key. The times are short here, and each is waited
 * for by what comes of it; they are long enough to arrive in, on a machine that has much to do.
 */

/** By a key with which nobody has signed in, or not of late. */
async function arriving(world: World, ...args: string[]): Promise<Running> {
  const known = ['-F', world.config, '-i', world.workspace.path('bob'), '-o', 'IdentityFile=none', '-l', 'alice']
  const ssh = start('ssh', [...known, ...args], { TERM: 'dumb' })
  const told = await ssh.line(/Code {3}\S+/)
  await world.issuer.approve(/Code {3}(\S+)/.exec(told)?.[1] ?? '', 'alice')
  return ssh
}

describe('silence', () => {
  let world: World
  before(async () => {
    world = await startVisited(() => ({ limits: { menu_idle: '5s', ident_wait: '10s' } }))
  })
  after(() => world[Symbol.asyncDispose]())

  test('who says nothing for limits.menu_idle is cut', async () => {
    const done = await world.ssh('gate', [], { user: 'alice', options: ['-N'] })
    assert.equal(done.code, 255)
    assert.match(done.stderr, /nothing has passed for too long/)
  })

  test('but not while a jump is open, which has an end of its own', async () => {
    await using silent = await arriving(world, '-W', 'db1:22', 'gate')
    const begun = await silent.line(/^SSH-2\.0-\S+$/)
    await silent.ended()
    assert.deepEqual(silent.lines.slice(silent.lines.indexOf(begun) + 1), [])
  })
})

/** Seconds that a login and a robot's key last. */
const life = 12

describe('the end of who comes', { concurrency: true }, () => {
  let world: World
  before(async () => {
    world = await startVisited((workspace) => {
      workspace.key('robot')
      workspace.write('robots.keys', '')
      return { identity: { login_ttl: `${life}s`, keys: 'robots.keys' } }
    })
  })
  after(() => world[Symbol.asyncDispose]())

  test('a login that has run out while the menu was open opens nothing more', async () => {
    await using menu = await arriving(world, '-tt', 'gate')
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
    const end = new Date(Date.now() + life * 1_000).toISOString().replaceAll(/[-:T]|\..*/g, '')
    const [type, key] = world.workspace.read('robot.pub').split(' ')
    const lines = world.gateway.lines.length
    world.workspace.write('robots.keys', `username="ci",groups="dba",expiry-time="${end}Z" ${type} ${key}\n`)
    await until(() => world.gateway.lines.slice(lines).some((line) => line.includes('robots')), Boolean)
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
})
