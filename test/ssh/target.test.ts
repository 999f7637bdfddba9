import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import type { ConnectConfig, Connection } from 'ssh2'
import { newKey } from '../../src/certificate/new-key.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { Client, type Insides, Server, sendMessage } from '../../src/ssh/ssh2.ts'
import { reach, type Target, TargetRefusal } from '../../src/ssh/target.ts'

/* A target's banner is kept until somebody is there to read it, and so is bounded where it arrives. */
const host = newKey('host')
const MSG_USERAUTH_BANNER = 53
/** The proof is not looked at. */
const credential = { certificate: Buffer.from('a certificate'), sign: () => Buffer.alloc(64) }
const patience = { ...rekeyLimits, connect: 5_000 as Milliseconds, handshake: 20_000 as Milliseconds }

/** A server that gives this answer to each attempt, and says these texts before it; `its` is its end of the connection. */
async function withServer<Result>(
  answer: 'accept' | 'reject',
  texts: readonly string[],
  use: (target: Target, its: Connection) => Promise<Result>,
  checkHostKey = (shown: Buffer): Buffer => shown,
): Promise<Result> {
  const come = Promise.withResolvers<Connection>()
  const server = new Server({ hostKeys: [Buffer.from(host.privateKey)] }, (client) => {
    come.resolve(client)
    const { _protocol: protocol } = client as unknown as Insides
    client
      .on('error', () => {})
      .on('authentication', (attempt) => {
        for (const text of texts) sendMessage(protocol, wire(MSG_USERAUTH_BANNER, text, ''))
        attempt[answer]()
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const destination = { host: '127.0.0.1', port }
  const target = await reach(destination, ['ssh-ed25519'], checkHostKey, patience, new AbortController().signal)
  try {
    return await use(target, await come.promise)
  } finally {
    target.leave()
    server.close()
  }
}

test('once logged in, ssh2’s own object of the connection is held no more', () =>
  withServer('accept', [], async (target) => {
    const { leg } = await target.login('postgres', credential)
    await turn()
    assert.equal(queryObjects(Client, { format: 'count' }), 0)
    assert.ok(!leg.signal.aborted)
  }))

/** What the banner then is, when a target says these texts before its answer to the login. */
const bannerOf = (texts: readonly string[], answer: 'accept' | 'reject'): Promise<string> =>
  withServer(answer, texts, async (target) => {
    try {
      const { leg, banner } = await target.login('postgres', credential)
      leg.cut(new GatewayError('TARGET_LEFT', 'done'))
      return banner
    } catch (thrown) {
      assert.ok(thrown instanceof TargetRefusal, String(thrown))
      return thrown.said
    }
  })

const most = 64 * 1024
const rows: [rule: string, texts: string[], kept: string][] = [
  ['none is the empty text', [], ''],
  ['several are one', ['first\n', 'second\n'], 'first\nsecond\n'],
  ['64 KiB are kept', ['x'.repeat(most)], 'x'.repeat(most)],
  ['and no more', [`${'x'.repeat(most)}y`], 'x'.repeat(most)],
  [
    'of several together as well: the first that fit',
    ['x'.repeat(most - 1), 'yz', 'z'.repeat(most)],
    `${'x'.repeat(most - 1)}y`,
  ],
]
for (const answer of ['accept', 'reject'] as const)
  for (const [rule, texts, kept] of rows)
    test(`the banner of a target that ${answer}s a login: ${rule}`, async () => {
      const banner = await bannerOf(texts, answer)
      assert.equal(banner.length, kept.length)
      assert.ok(banner === kept)
    })

class PrivateKey {
  readonly certificate = Buffer.from('a certificate')
  sign = (): Buffer => Buffer.alloc(64)
}

test('once logged in the private key is held no more', () =>
  withServer('accept', [], async (target) => {
    const { leg } = await target.login('postgres', new PrivateKey())
    await turn()
    assert.equal(queryObjects(PrivateKey, { format: 'count' }), 0)
    assert.ok(!leg.signal.aborted)
  }))

const sendBy = (connection: Connection, message: Buffer): void =>
  sendMessage((connection as unknown as Insides)._protocol, message)

const endings: [rule: string, message: Buffer, told: string][] = [
  ['offers its service', wire(6, 'ssh-userauth'), 'TARGET_PROTOCOL: message 6 after authentication'],
  ['refuses the login', wire(51, 'publickey', { boolean: false }), 'TARGET_PROTOCOL: message 51 after authentication'],
  ['leaves for a reason', wire(1, { uint32: 2 }, 'enough', ''), 'TARGET_REFUSED: enough'],
  ['is done', wire(1, { uint32: 11 }, 'bye', ''), 'TARGET_LEFT: the target ended the connection'],
]
for (const [rule, message, told] of endings)
  test(`a target that ${rule} after the login ends the connection`, () =>
    withServer('accept', [], async (target, its) => {
      const { leg } = await target.login('postgres', credential)
      leg.relay(() => {})
      const over = once(leg.signal, 'abort')
      sendBy(its, message)
      await over
      assert.equal(`${leg.signal.reason.code}: ${leg.signal.reason.message}`, told)
    }))

test('what a target says of authentication after it is passed over where it asks for nothing', () =>
  withServer('accept', [], async (target, its) => {
    const { leg, banner } = await target.login('postgres', credential)
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    leg.relay((message) => resolve(Buffer.from(message)))
    const said = [
      wire(52),
      wire(MSG_USERAUTH_BANNER, 'late', ''),
      wire(60, '', '', '', { uint32: 0 }),
      wire(80, 'last'),
    ]
    for (const message of said) sendBy(its, message)
    assert.deepEqual([await promise, banner], [wire(80, 'last'), ''])
  }))

test('keys are exchanged after the login too, whoever begins, and what waits for that comes in its order', () =>
  withServer('accept', [], async (target, its) => {
    const { leg } = await target.login('postgres', credential)
    const heard: number[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    leg.relay((message) => {
      if (heard.push(message[1] ?? 0) === 3) resolve()
    })
    const { _protocol: protocol } = its as unknown as Insides
    for (const number of [1, 2, 3]) {
      protocol.rekey()
      sendBy(its, Buffer.from([80, number]))
      await once(its, 'rekey')
    }
    await promise
    assert.deepEqual(heard, [1, 2, 3])
    assert.ok(!leg.signal.aborted)
  }))

/** A target whose host key is taken once, and no more when it comes to the next exchange. */
function withKeyOnce(use: (fault: GatewayError) => void): Promise<void> {
  let looks = 0
  return withServer(
    'accept',
    [],
    async (target, its) => {
      const { leg } = await target.login('postgres', credential)
      leg.relay(() => {})
      const over = once(leg.signal, 'abort')
      its.rekey()
      await over
      await turn()
      use(leg.signal.reason)
    },
    (shown) => {
      if (++looks > 1) throw new GatewayError('HOST_KEY_MISMATCH', 'no longer known')
      return shown
    },
  )
}

test('and the host key is looked at each time', () =>
  withKeyOnce(({ code }) => assert.equal(code, 'HOST_KEY_MISMATCH')))

test('ssh2 is not told that a host key is taken which is not', async (t) => {
  let protocol: { readonly _kex: { readonly _hostVerified?: boolean } } | undefined
  const { connect } = Client.prototype
  t.mock.method(Client.prototype, 'connect', function (this: InstanceType<typeof Client>, config: ConnectConfig) {
    connect.call(this, config)
    protocol = (this as unknown as { _protocol: NonNullable<typeof protocol> })._protocol
    return this
  })
  await withKeyOnce(() => assert.equal(protocol?._kex._hostVerified, false))
})
