import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { wire } from '../../src/model/wire.ts'
import { showingAgent } from '../support/key-agent.ts'
import type { Failure, Lie } from '../support/lying-issuer.ts'
import { run, start } from '../support/process.ts'
import { ForgingAgent, rawClient } from '../support/ssh-client.ts'
import { until } from '../support/workers.ts'
import { startWorld, type World } from '../support/world.ts'

const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const batch = ['-o', 'BatchMode=yes']

let world: World
before(async () => {
  world = await startWorld({ certificates })
})
after(() => world[Symbol.asyncDispose]())

/** A key that nobody has signed in with yet. */
let keys = 0
const freshKey = (type = 'ed25519', ...more: string[]): string => {
  world.workspace.key(`key-${++keys}`, type, ...more)
  return `key-${keys}`
}

test('the person is told who asks, from where, and what to do', async () => {
  const { stderr, stdout, code } = await world.ssh('db1', ['echo in'], { key: freshKey() })
  assert.deepEqual([code, stdout], [0, 'in\n'], stderr)
  assert.match(
    stderr,
    /^Sign in to reach postgres@db1 through test, from 127\.0\.0\.1\.\n\n {2}Open {3}http:\/\/127\.0\.0\.1:\d+\/device\n {2}Code {3}[A-Z]{4}-[A-Z]{4}\n/,
  )
  assert.ok(Buffer.byteLength(stderr) < 1_000)
})

for (const [type, ...more] of [
  ['ed25519'],
  ['ecdsa', '-b', '256'],
  ['ecdsa', '-b', '384'],
  ['ecdsa', '-b', '521'],
  ['rsa', '-b', '3072'],
] as const)
  test(`an ${[type, ...more].join(' ')} key, then the same key without a browser`, async () => {
    const key = freshKey(type, ...more)
    assert.equal((await world.ssh('db1', ['true'], { key })).code, 0)
    const again = await world.ssh('db1', ['echo again'], { key, options: batch })
    assert.deepEqual([again.stdout, again.stderr], ['again\n', ''])
  })

test('a key without a login cannot be used in batch mode', async () => {
  const done = await world.ssh('db1', ['true'], { key: freshKey(), options: batch })
  assert.equal(done.code, 255)
  assert.match(done.stderr, /Permission denied \(keyboard-interactive\)/)
})

test('a client that counts every second of silence waits for its person', async () => {
  const patient = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=4']
  const onCode = async (code: string): Promise<void> => {
    await wait(7_000)
    await world.issuer.approve(code, 'alice')
  }
  const done = await world.ssh('db1', ['echo in'], { key: freshKey(), options: patient, onCode })
  assert.deepEqual([done.code, done.stdout], [0, 'in\n'], done.stderr)
})

test('who says no at the provider is not let in, and no login is kept', async () => {
  const key = freshKey()
  const done = await world.ssh('db1', ['true'], { key, onCode: (code) => world.issuer.deny(code) })
  assert.equal(done.code, 255)
  assert.match(done.stderr, /regate: the sign-in was refused at the identity provider \(SIGN_IN_DENIED\)/)
  assert.equal((await world.ssh('db1', ['true'], { key, options: batch })).code, 255)
})

test('without a key a person signs in each time', async () => {
  const options = ['-o', 'PubkeyAuthentication=no']
  for (const _ of [1, 2]) {
    const done = await world.ssh('db1', ['echo in'], { options })
    assert.equal(done.stdout, 'in\n', done.stderr)
    assert.match(done.stderr, /Code {3}/)
  }
  const [event] = await world.events()
  assert.deepEqual([event?.mapped_result.outcome, event !== undefined && 'key' in event.input], ['allow', false])
})

test('a client that leaves while its code is pending has cancelled it', async () => {
  const key = freshKey()
  const args = ['-F', world.config, '-i', world.workspace.path(key), '-l', 'postgres@db1', 'db1', 'true']
  await using ssh = start('ssh', args)
  const [, code = ''] = /Code {3}(\S+)/.exec(await ssh.line(/Code {3}/)) ?? []
  const before = world.gateway.lines.length
  await ssh.stop('SIGKILL')
  while (!world.gateway.lines.slice(before).some((line) => line.includes('CLIENT_LEFT'))) await wait(10)
  await world.issuer.approve(code, 'alice')
  await wait(300) // several polls, if anybody still polled
  const later = await world.ssh('db1', ['true'], { key, options: batch })
  assert.equal(later.code, 255)
})

const places: [rule: string, address: string, serves: boolean][] = [
  ['the same /24', '127.0.0.77', true],
  ['another network', '127.0.9.1', false],
]
for (const [rule, address, serves] of places)
  test(`a login serves the network it was made from: ${rule}`, async () => {
    const key = freshKey()
    assert.equal((await world.ssh('db1', ['true'], { key })).code, 0)
    const there = await world.ssh('db1', ['true'], { key, options: [...batch, '-o', `BindAddress=${address}`] })
    assert.equal(there.code === 0, serves, there.stderr)
  })

test('the later sign-in at another place does not end the first', async () => {
  const key = freshKey()
  const there = ['-o', 'BindAddress=127.0.9.2']
  assert.equal((await world.ssh('db1', ['true'], { key })).code, 0)
  assert.equal((await world.ssh('db1', ['true'], { key, options: there })).code, 0)
  assert.equal((await world.ssh('db1', ['true'], { key, options: batch })).code, 0)
})

// Keys that are not taken

test('an RSA key that is too short is refused by name, and the next one taken', async () => {
  const short = freshKey('rsa', '-b', '2048')
  const done = await world.ssh('db1', ['echo in'], { key: short, options: ['-i', world.workspace.path('alice')] })
  assert.match(done.stderr, /regate: RSA keys must have at least 3072 bits, not 2048; trying the next key/)
  assert.equal(done.stdout, 'in\n')
})

// An offer is not a proof

test('a signature by another key than the offered one opens nothing', async () => {
  assert.equal((await world.ssh('db1', ['true'])).code, 0) // alice's key has a live login
  const mallory = freshKey()
  const agent = new ForgingAgent(world.workspace.read('alice.pub'), world.workspace.read(mallory))
  const username = 'postgres@db1'
  const before = (await world.events()).length
  using client = await rawClient({
    port: world.gateway.sshPort,
    username,
    authHandler: [{ type: 'agent', username, agent }],
  })
  assert.match(await client.closed, /authentication methods failed/)
  assert.equal((await world.events()).length, before)
})

// Issuers that fail or lie

const failures: [failure: Failure, at: 'device' | 'token', says: RegExp][] = [
  ['server-error', 'device', /ISSUER_UNAVAILABLE/],
  ['invalid-json', 'device', /ISSUER_/],
  ['redirects', 'device', /ISSUER_/],
  ['huge-response', 'device', /ISSUER_INVALID/],
  ['invalid-json', 'token', /ISSUER_/],
  ['redirects', 'token', /ISSUER_/],
  ['huge-response', 'token', /ISSUER_INVALID/],
  ['no-id-token', 'token', /ISSUER_INVALID/],
]
for (const [failure, at, says] of failures)
  test(`an issuer whose ${at} endpoint gives ${failure}`, async () => {
    try {
      if (at === 'device') world.issuer.misbehave({ failure, at })
      // Before it is approved: a poll that comes between the two would have its token.
      const onCode = async (code: string): Promise<void> => {
        world.issuer.misbehave({ failure, at })
        await world.issuer.approve(code, 'alice')
      }
      const done = await world.ssh('db1', ['true'], { key: freshKey(), onCode })
      assert.equal(done.code, 255)
      assert.match(done.stderr, says)
      assert.doesNotMatch(done.stderr, /out of order|access_token|\x1b/)
    } finally {
      world.issuer.misbehave({})
    }
  })

test('an issuer that never answers is given up', async () => {
  world.issuer.misbehave({ failure: 'never-answers', at: 'device' })
  try {
    const done = await world.ssh('db1', ['true'], { key: freshKey() })
    assert.match(done.stderr, /ISSUER_UNAVAILABLE/)
  } finally {
    world.issuer.misbehave({})
  }
})

const lies: Lie[] = [
  'wrong-audience',
  'more-audiences',
  'other-party-among-audiences',
  'other-party',
  'wrong-issuer',
  'expired',
  'never-expires',
  'not-yet-valid',
  'issued-in-future',
  'issued-long-ago',
  'signed-in-in-future',
  'no-subject',
  'empty-subject',
  'subject-not-text',
  'huge-claim',
  'alg-none',
  'no-signature',
  'hs256-with-public-key',
  'forged',
  'key-unknown',
  'key-brought-along',
  'critical-extension',
]
for (const lie of lies)
  test(`a token is not believed: ${lie}`, async () => {
    const key = freshKey()
    world.issuer.misbehave({ lie })
    try {
      const done = await world.ssh('db1', ['true'], { key })
      assert.equal(done.code, 255)
      assert.match(done.stderr, /\((ISSUER_INVALID|CLAIMS_INVALID)\)/)
    } finally {
      world.issuer.misbehave({})
    }
    assert.equal((await world.ssh('db1', ['true'], { key, options: batch })).code, 255, 'a login was kept')
  })

test('an issuer that is not there, and then is', async () => {
  await using other = await startWorld({
    certificates,
    config: () => ({ identity: { issuer: 'http://127.0.0.1:1', client_id: 'regate' } }),
  })
  const done = await other.ssh('db1', ['true'])
  assert.match(done.stderr, /regate: the identity provider does not answer: try again later \(ISSUER_UNAVAILABLE\)/)
})

test('a code that is not used in time', async () => {
  await using other = await startWorld({ certificates, codeSeconds: 1 })
  const done = await other.ssh('db1', ['true'], { onCode: async () => {} })
  assert.match(done.stderr, /regate: the code was not used in time: connect again for a new one \(SIGN_IN_EXPIRED\)/)
})

// Bounds

const bounded = (limits: Record<string, unknown>) => startWorld({ certificates, config: () => ({ limits }) })

test('sign-ins pending from one source are bounded', async () => {
  await using small = await bounded({ sign_ins_per_source: 1 })
  await using first = start('ssh', ['-F', small.config, 'db1', 'true'])
  await first.line(/Code {3}/)
  const second = await small.ssh('db1', ['true'])
  assert.match(second.stderr, /too many sign-ins are pending.*\(TOO_MANY_SIGN_INS\)/)
  await first.stop()
  const third = await until(
    () => small.ssh('db1', ['true']),
    ({ code }) => code === 0,
  )
  assert.equal(third.code, 0, third.stderr)
})
test('connections that have not authenticated are bounded for each source, and come free again', async () => {
  await using small = await bounded({ unauthenticated_per_source: 2, ident_wait: '1h' })
  const open = (localAddress?: string) =>
    connect({ host: '127.0.0.1', port: small.gateway.sshPort, ...(localAddress === undefined ? {} : { localAddress }) })
  const held = [open(), open()]
  await Promise.all(held.map((socket) => once(socket, 'data')))
  /** Whether somebody who comes now is greeted; who is turned away is told so. */
  const greeted = async (): Promise<boolean> => {
    const socket = open()
    const [said] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return said.toString('latin1').startsWith('SSH-2.0-')
  }
  assert.equal(await greeted(), false)
  await once(open('127.0.0.2'), 'data') // another source has places of its own
  held[0]?.destroy()
  while (!(await greeted()));
  for (const socket of held) socket.destroy()
  await small.gateway.line(/TOO_MANY_CONNECTIONS/)
})
test('sessions that are let in take no such place', async () => {
  await using small = await bounded({ unauthenticated_per_source: 2 })
  assert.equal((await small.ssh('db1', ['true'])).code, 0)
  await using sessions = new AsyncDisposableStack()
  for (let number = 0; number < 4; number++)
    await sessions.use(start('ssh', ['-F', small.config, 'db1', 'echo in; cat'])).line(/^in$/)
  assert.equal((await small.ssh('db1', ['echo', 'fifth'])).stdout, 'fifth\n')
})
test('who says nothing is cut', async () => {
  await using small = await bounded({ ident_wait: '300ms' })
  const socket = connect({ host: '127.0.0.1', port: small.gateway.sshPort })
  await once(socket.on('error', () => {}).resume(), 'close')
})
test('who does not authenticate is cut', async () => {
  await using small = await bounded({ grace: '500ms' })
  using client = await rawClient({
    port: small.gateway.sshPort,
    username: 'postgres@db1',
    until: 'close',
  })
  await client.closed
  await small.gateway.line(/GRACE_EXCEEDED|CLIENT_LEFT/)
})
test('a sign-in has longer, but not for ever', async () => {
  await using small = await bounded({ grace: '6s', sign_in_grace: '9s' })
  const begun = performance.now()
  const done = await small.ssh('db1', ['true'], { onCode: async () => {} })
  assert.match(done.stderr, /signing in took too long \(GRACE_EXCEEDED\)/)
  assert.ok(performance.now() - begun > 8_000)
})
test('offers of keys are bounded', async () => {
  await using small = await bounded({ offers: 3 })
  const socket = small.workspace.path('agent')
  const offered = Array.from({ length: 8 }, (_, index) =>
    wire('sk-ssh-ed25519@openssh.com', Buffer.alloc(32, index), 'ssh:'),
  )
  await using _agent = await showingAgent(socket, offered)
  const done = await run('ssh', [
    '-F',
    small.config,
    '-o',
    `IdentityAgent=${socket}`,
    '-o',
    'IdentitiesOnly=no',
    '-o',
    'IdentityFile=none',
    '-l',
    'postgres@db1',
    'db1',
    'true',
  ])
  assert.match(done.stderr, /too many keys or attempts on one connection \(TOO_MANY_ATTEMPTS\)/)
})
