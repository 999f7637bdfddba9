import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { api, startWorld, type World } from '../support/world.ts'

/*
 * ssh gate COMMAND: a connection without a route ends at the gateway, behind the same sign-in as any other.
 */
let world: World
before(async () => {
  world = await startWorld({
    certificates: { db1: { extensions: { 'permit-shell@regate': '', 'permit-exec@regate': ['*'], 'permit-pty': '' } } },
    config: ({ workspace }) => {
      workspace.key('bob')
      return {}
    },
  })
})
after(() => world[Symbol.asyncDispose]())

const gate = (args: readonly string[], options: Parameters<World['ssh']>[2] = {}) =>
  world.ssh('gate', args, { user: 'alice', ...options })

test('a person signs in once, and is known from then on', async () => {
  const first = await gate(['whoami'])
  assert.match(first.stderr, /Sign in to test, from 127\.0\.0\.1\./)
  assert.equal(first.stdout, 'alice@example.com\n')
  const second = await gate(['whoami'], { options: ['-o', 'BatchMode=yes'] })
  assert.deepEqual([second.code, second.stdout, second.stderr], [0, 'alice@example.com\n', ''])
})

const refused: [rule: string, args: string[], status: number, says: RegExp][] = [
  ['what is no command is not found', ['scp', '-t', '/tmp'], 127, /^regate: scp: no command of the gateway.*help/],
  ['nor is what no command can look like', ['whoami\u0000'.replace('\0', '\u0007')], 127, /no command/],
  ['nor a property of every object', ['constructor'], 127, /no command/],
  ['a subsystem leads nowhere', ['-s', 'sftp'], 1, /^regate: sftp refused: this connection leads to no host/],
]
for (const [rule, args, status, says] of refused)
  test(rule, async () => {
    const done = await gate(args.slice(args[0] === '-s' ? 1 : 0), { options: args[0] === '-s' ? ['-s'] : [] })
    assert.equal(done.code, status)
    assert.match(done.stderr, says)
  })

test('what a client sends to a command is not read', async () => {
  const done = await gate(['whoami'], { input: Buffer.alloc(100_000, 'x') })
  assert.deepEqual([done.code, done.stdout], [0, 'alice@example.com\n'])
})

test('a listener is refused', async () => {
  const done = await gate(['whoami'], { options: ['-R', '0:localhost:1'] })
  assert.match(done.stderr, /remote port forwarding failed/i)
})

test('a login that is revoked ends the visit', async () => {
  const login = await gate(['whoami'], { key: 'bob', who: 'bob' })
  assert.equal(login.stdout, 'bob@example.com\n')
  const lines = world.gateway.lines.length
  const visit = gate([], { key: 'bob', options: ['-N'] })
  while (!world.gateway.lines.slice(lines).some((line) => line.includes('came to the gateway itself')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  const { logins } = (await (await api(world.gateway, '/v1/logins')).json()) as {
    logins: { id: string; person: { username: string } }[]
  }
  const bobs = logins.find(({ person }) => person.username === 'bob@example.com')
  await api(world.gateway, `/v1/logins/${bobs?.id}`, 'DELETE')
  const done = await visit
  assert.equal(done.code, 255)
  assert.match(done.stderr, /your login was revoked/)
})
