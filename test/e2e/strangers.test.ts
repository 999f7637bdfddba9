import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { wire } from '../../src/model/wire.ts'
import { start } from '../support/process.ts'
import { authRequest, proof, type RawClient, rawClient } from '../support/ssh-client.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * What somebody can make the gateway do whom nobody knows: each connection has a small budget, and leaves little behind.
 */
const MSG = { ignore: 2, failure: 51, success: 52, infoRequest: 60, infoResponse: 61 } as const
const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }

const closedToEveryone = `package ssh

# METADATA
# entrypoint: true
decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "freeze", "message": "closed"}]}
`

let world: World
before(async () => {
  world = await startWorld({ certificates })
  assert.equal((await world.ssh('db1', ['true'])).code, 0) // alice's key has a live login
})
after(() => world[Symbol.asyncDispose]())

const user = 'postgres@db1'
/** Its transport is up and user authentication asked for; the rest is the test's. */
async function stranger({ gateway }: World = world): Promise<RawClient> {
  const client = await rawClient({ port: gateway.sshPort, username: user, until: 'handshake', raw: true })
  await client.next(6)
  return client
}
const beginSignIn = (client: RawClient): void => client.send(authRequest(user, 'keyboard-interactive', '', ''))
/** Answers what is shown, and the code in it. */
async function codeOf(client: RawClient): Promise<string> {
  const [, code] = /Code {3}(\S+)/.exec((await client.next(MSG.infoRequest)).toString('latin1')) ?? []
  client.send(wire(MSG.infoResponse, { uint32: 0 }))
  return code ?? ''
}

const budgets: [rule: string, act: (client: RawClient) => void | Promise<void>][] = [
  [
    'messages without meaning',
    (client) => {
      for (let count = 0; count < 1_500; count++) client.send(wire(MSG.ignore, ''))
    },
  ],
  [
    'bytes without meaning',
    (client) => {
      for (let count = 0; count < 50; count++) client.send(wire(MSG.ignore, Buffer.alloc(30_000)))
    },
  ],
  [
    'key exchanges',
    async (client) => {
      for (let count = 0; count < 8; count++) {
        client.rekey()
        await Promise.race([new Promise((resolve) => client.ssh.once('handshake', resolve)), client.closed])
      }
    },
  ],
  [
    'requests by methods that are not taken',
    (client) => {
      for (let count = 0; count < 20; count++) client.send(authRequest(user, 'password', { boolean: false }, 'guess'))
    },
  ],
  [
    'questions for the methods',
    async (client) => {
      for (let count = 0; count < 20; count++) {
        client.send(authRequest(user, 'none'))
        await Promise.race([client.next(MSG.failure).catch(() => {}), client.closed])
      }
    },
  ],
]
for (const [rule, act] of budgets)
  test(`cut before authentication: too many ${rule}`, async () => {
    using client = await stranger()
    await act(client)
    await client.closed
  })

test('who leaves a sign-in for a key is let in by the key', async () => {
  using client = await stranger()
  beginSignIn(client)
  await codeOf(client)
  client.send(proof(client, user, world.workspace.read('alice')))
  await client.next(MSG.success)
})
test('who comes back to the sign-in gets another code, and the first one no longer counts', async () => {
  using client = await stranger()
  beginSignIn(client)
  const first = await codeOf(client)
  beginSignIn(client)
  const second = await codeOf(client)
  assert.notEqual(second, first)
  await world.issuer.approve(second, 'alice')
  await client.next(MSG.success)
  assert.ok(!world.gateway.lines.some((line) => line.includes('"INTERNAL"')))
})
test('who leaves a sign-in has no longer than who never began one', async () => {
  const limits = { grace: '6s', sign_in_grace: '10m' }
  await using quick = await startWorld({ certificates, config: () => ({ limits }) })
  using client = await stranger(quick)
  beginSignIn(client)
  await codeOf(client)
  client.send(authRequest(user, 'none'))
  await client.closed
  await quick.gateway.line(/GRACE_EXCEEDED/)
})
test('codes are not asked for without end', async () => {
  await using few = await startWorld({
    certificates,
    config: () => ({ limits: { sign_ins_per_minute_per_source: 2 } }),
  })
  for (const expected of [/Code {3}/, /Code {3}/, /TOO_MANY_SIGN_INS/]) {
    await using ssh = start('ssh', ['-F', few.config, 'db1', 'true'])
    await ssh.line(expected)
  }
})
test('the refusals of strangers do not fill the log', async () => {
  const limits = { stranger_refusals_per_minute: 3 }
  await using few = await startWorld({ certificates, config: () => ({ limits }), policy: closedToEveryone })
  for (let count = 0; count < 6; count++) assert.match((await few.ssh('db1', ['true'])).stderr, /closed/)
  assert.equal((await few.events()).length, 3)
})
