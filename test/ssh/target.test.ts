import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { newKey } from '../../src/certificate/new-key.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { type Insides, Server, sendMessage } from '../../src/ssh/ssh2.ts'
import { reach, type Target, TargetRefusal } from '../../src/ssh/target.ts'

/* A target's banner is kept until somebody is there to read it, and so is bounded where it arrives. */
const host = newKey('host')
const MSG_USERAUTH_BANNER = 53
/** The proof is not looked at. */
const credential = { certificate: Buffer.from('a certificate'), sign: () => Buffer.alloc(64) }
const patience = { ...rekeyLimits, connect: 5_000 as Milliseconds, handshake: 20_000 as Milliseconds }

/** A server that gives this answer to each attempt, and says these texts before it. */
async function withServer<Result>(
  answer: 'accept' | 'reject',
  texts: readonly string[],
  use: (target: Target) => Promise<Result>,
): Promise<Result> {
  const server = new Server({ hostKeys: [Buffer.from(host.privateKey)] }, (client) => {
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
  const target = await reach(destination, ['ssh-ed25519'], (shown) => shown, patience, new AbortController().signal)
  try {
    return await use(target)
  } finally {
    target.leave()
    server.close()
  }
}

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
