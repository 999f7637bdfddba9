import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MSG, sessionOpen } from '../../src/ssh/messages.ts'
import { start } from '../support/process.ts'
import { rawClient } from '../support/ssh-client.ts'
import { startVisited } from '../support/visited.ts'
import { api, type World } from '../support/world.ts'

/*
 * ssh gate COMMAND: a connection without a route ends at the gateway, behind the same sign-in as any other.
 */
let world: World
before(async () => {
  world = await startVisited()
})
after(() => world[Symbol.asyncDispose]())

const gate = (args: readonly string[], options: Parameters<World['ssh']>[2] = {}) =>
  world.ssh('gate', args, { user: 'alice', ...options })

test('a person signs in once, and is known from then on', async () => {
  const first = await gate(['whoami'])
  assert.match(first.stderr, /Sign in to test, from 127\.0\.0\.1\./)
  assert.match(first.stdout, /^user {4}alice@example\.com\ngroups {2}dba\n/)
  const second = await gate(['whoami'], { options: ['-o', 'BatchMode=yes'] })
  assert.deepEqual([second.code, second.stderr], [0, ''])
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
  assert.deepEqual([done.code, done.stderr], [0, ''])
})

test('the routes that the policy would open now, each login confirmed by it', async () => {
  const told = await gate(['routes'])
  assert.deepEqual(
    [told.code, told.stdout, told.stderr],
    [
      0,
      'db1      postgres, root\naudited  postgres (asks for a reason), root (asks for a reason)\nbare     postgres, root\n',
      '',
    ],
  )
  const json = await gate(['routes', '--json'])
  const logins = (require: string[]) => ['postgres', 'root'].map((login) => ({ login, require }))
  assert.deepEqual(JSON.parse(json.stdout), [
    { route: 'db1', logins: logins([]) },
    { route: 'audited', logins: logins(['reason']) },
    { route: 'bare', logins: logins([]) },
  ])
})

test('to a person to whom nothing is open it lists nothing, and says so', async () => {
  const told = await gate(['routes'], { key: 'bob', who: 'bob' })
  assert.deepEqual([told.code, told.stdout], [0, ''])
  assert.match(told.stderr, /the policy would open no route to you now/)
})

test('looking writes nothing down', async () => {
  const before = (await world.events()).length
  await gate(['routes'])
  assert.equal((await world.events()).length, before)
})

test('without a terminal there is no menu: the routes, the help, and 1', async () => {
  const told = await gate([], { options: ['-T'] })
  assert.equal(told.code, 1)
  assert.match(told.stdout, /^db1 {6}postgres, root\n(.|\n)*why DECISION/)
  assert.match(told.stderr, /the menu takes a terminal/)
})

const idOf = async (code: string): Promise<string> => {
  const found = (await world.events()).find(({ mapped_result: { outcome, code: told } }) => (told ?? outcome) === code)
  assert.ok(found)
  return found.decision_id
}

test('why somebody was let in', async () => {
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  const told = await gate(['why', await idOf('allow')])
  assert.equal(told.code, 0)
  assert.match(told.stdout, /asked for {3}postgres@db1\noutcome {5}allowed\nbecause {5}you are a dba\ngrant {7}dbas\n/)
  assert.match(told.stdout, /opens {7}.*permit-shell@regate/)
})

test('why somebody was refused, and what would change it; what the policy keeps to itself is not told', async () => {
  assert.notEqual((await world.ssh('db2', ['true'])).code, 0)
  const told = await gate(['why', await idOf('DENIED_BY_POLICY')])
  assert.match(told.stdout, /outcome {4}refused\nbecause {4}denied by policy: your shift is over \[shift\]\n/)
  assert.match(told.stdout, /What would change it:\n {2}no longer: your shift is over \[shift\]\n$/)
})

test('a decision about somebody else is answered as one that is not there', async () => {
  const id = await idOf('allow')
  const [others, none, noId] = await Promise.all(
    [id, '00000000-0000-0000-0000-000000000000', 'x'].map((one) => gate(['why', one], { key: 'bob' })),
  )
  assert.deepEqual([others?.code, others?.stdout], [1, ''])
  assert.equal(others?.stderr, 'regate: no decision about you has that id\n')
  assert.deepEqual([others?.stderr, others?.code], [none?.stderr, none?.code])
  assert.deepEqual([others?.stderr, others?.code], [noId?.stderr, noId?.code])
})

test('the certificates of the live sessions, one’s own alone', async () => {
  await using session = start('ssh', ['-F', world.config, '-l', 'postgres@db1', 'db1', 'echo in; cat'])
  await session.line(/^in$/)
  const [mine, bobs] = await Promise.all([gate(['cert']), gate(['cert'], { key: 'bob' })])
  assert.match(
    mine.stdout,
    /^postgres@db1 from 127\.0\.0\.1:\n {8}Type: ssh-ed25519-cert-v01@openssh\.com user certificate\n/,
  )
  assert.deepEqual([bobs.stdout, bobs.stderr], ['', 'regate: you have no live session\n'])
})

test('ten programs at once, of which nobody reads a word', async () => {
  const key = world.workspace.read('alice')
  const authHandler = [{ type: 'publickey' as const, username: 'alice', key }]
  using client = await rawClient({ port: world.gateway.sshPort, username: 'alice', authHandler })
  const answers = []
  for (let number = 0; number < 12; number++) {
    client.send(sessionOpen(number, 0, 32_768))
    answers.push((await client.next(MSG.channelOpenConfirmation, MSG.channelOpenFailure))[0])
  }
  assert.deepEqual(answers, [...Array(10).fill(MSG.channelOpenConfirmation), ...Array(2).fill(MSG.channelOpenFailure)])
})

test('a listener is refused', async () => {
  const done = await gate(['whoami'], { options: ['-R', '0:localhost:1'] })
  assert.match(done.stderr, /remote port forwarding failed/i)
})

test('a login that is revoked ends the visit', async () => {
  const login = await gate(['whoami'], { key: 'bob', who: 'bob' })
  assert.match(login.stdout, /bob@example\.com/)
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

test('who logs out has to sign in again', async () => {
  const done = await gate(['logout'])
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout, /The login of this key has ended/)
  const batch = await gate(['whoami'], { options: ['-o', 'BatchMode=yes'] })
  assert.equal(batch.code, 255)
})
