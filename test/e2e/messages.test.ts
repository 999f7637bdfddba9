import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { wire } from '../../src/model/wire.ts'
import { MSG, readOpenConfirmation } from '../../src/ssh/messages.ts'
import { type Insides, sendMessageNow } from '../../src/ssh/ssh2.ts'
import { authRequest, type RawClient, rawClient } from '../support/ssh-client.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * Each of the 256 kinds of message, with a body that says little, in each state of a connection: it is answered
 * UNIMPLEMENTED, or passes, or ends that connection; never anything else, and never another connection.
 */
let world: World
const user = 'postgres@db1'
before(async () => {
  const extensions = { 'permit-exec@regate': ['*'] }
  world = await startWorld({
    certificates: { db1: { ttl: 300, extensions } },
    config: () => ({
      limits: {
        unauthenticated_per_source: 100,
        sessions_per_person: 1_000,
        sign_ins_per_source: 1_000,
        sign_ins_per_minute: 10_000,
        sign_ins_per_minute_per_source: 10_000,
        penalties: { exempt: ['127.0.0.0/8'] },
      },
    }),
  })
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
})
after(() => world[Symbol.asyncDispose]())

async function stranger(): Promise<RawClient> {
  const client = await rawClient({ port: world.gateway.sshPort, username: user, until: 'handshake', raw: true })
  await client.next(6)
  return client
}
const login = (): Promise<RawClient> =>
  rawClient({
    port: world.gateway.sshPort,
    username: user,
    authHandler: [{ type: 'publickey', username: user, key: world.workspace.read('alice') }],
  })
async function session(...then: number[]): Promise<RawClient> {
  const client = await login()
  client.send(wire(MSG.channelOpen, 'session', { uint32: 0 }, { uint32: 65_536 }, { uint32: 32_768 }))
  const { sender } = readOpenConfirmation(await client.next(MSG.channelOpenConfirmation))
  for (const number of then) client.send(wire(number, { uint32: sender }))
  return client
}
const now = (client: RawClient, message: Buffer): void =>
  sendMessageNow((client.ssh as unknown as Insides)._protocol, message)

interface State {
  readonly begin: () => Promise<RawClient>
  readonly send?: (client: RawClient, message: Buffer) => void
  /** Asks something of which the answer shows that the connection goes on. */
  readonly probe: readonly [message: Buffer, answer: number]
  /** Kinds after which it goes on, and those to which it says that it does not know them; all others end it. */
  readonly goesOn: readonly number[]
  readonly unimplemented: readonly number[]
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)
/** OpenSSH's, with a body that is too short: what becomes of it is for the test of its own. */
const ping = 192
/** IGNORE, UNIMPLEMENTED, EXT_INFO, and an answer that comes too late. */
const transport = [2, 3, 7, 61]
/** A GLOBAL_REQUEST of no name, which is refused, and a WINDOW_ADJUST that may cross with a CLOSE. */
const relayed = [...transport, 80, 93]
/** Numbers of no message at all. */
const unknown = [
  [0, 0],
  [8, 19],
  [21, 49],
  [54, 59],
  [62, 79],
  [83, 89],
  [101, 191],
  [193, 255],
].flatMap(([from = 0, to = 0]) => range(from, to))
const keepAlive = [wire(MSG.globalRequest, 'keepalive@openssh.com', { boolean: true }), MSG.requestFailure] as const
const none = [authRequest(user, 'none'), 51] as const

const states: Readonly<Record<string, State>> = {
  'before authentication': { begin: stranger, probe: none, goesOn: transport, unimplemented: unknown },
  'in the middle of keyboard-interactive': {
    async begin() {
      const client = await stranger()
      client.send(authRequest(user, 'keyboard-interactive', '', ''))
      await client.next(60)
      return client
    },
    probe: none,
    goesOn: transport,
    unimplemented: unknown,
  },
  'after authentication': { begin: login, probe: keepAlive, goesOn: relayed, unimplemented: unknown },
  'during a key exchange': {
    async begin() {
      const client = await login()
      client.rekey()
      return client
    },
    send: now,
    probe: keepAlive,
    goesOn: [],
    unimplemented: [],
  },
  'after EOF': { begin: () => session(MSG.channelEof), probe: keepAlive, goesOn: relayed, unimplemented: unknown },
  'after CLOSE': {
    begin: () => session(MSG.channelEof, MSG.channelClose),
    probe: keepAlive,
    goesOn: relayed,
    unimplemented: unknown,
  },
}

type Outcome = 'answered UNIMPLEMENTED' | 'goes on' | 'ended'
async function outcomeOf({ begin, send, probe }: State, message: Buffer): Promise<Outcome> {
  using client = await begin()
  const say = send ?? ((to: RawClient, what: Buffer) => to.send(what))
  say(client, message)
  const [question, answer] = probe
  client.send(question)
  const ended = client.closed.then(() => 'ended' as const)
  const unimplemented = client.next(3).then(() => 'answered UNIMPLEMENTED' as const)
  const answered = client.next(answer).then(() => 'goes on' as const)
  for (const promise of [unimplemented, answered]) promise.catch(() => {})
  return await Promise.race([ended, unimplemented.catch(() => ended), answered.catch(() => ended)])
}

/** So many connections at once. */
async function outcomes(state: State): Promise<Map<number, Outcome>> {
  const left = range(0, 255)
  const found = new Map<number, Outcome>()
  const work = async (): Promise<void> => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      const message = Buffer.concat([Buffer.from([number]), Buffer.alloc(8)])
      found.set(number, await outcomeOf(state, message))
    }
  }
  await Promise.all(Array.from({ length: 6 }, work))
  return found
}

for (const [name, state] of Object.entries(states))
  test(`each kind of message, ${name}`, { timeout: 240_000 }, async () => {
    const found = await outcomes(state)
    const which = (outcome: Outcome): number[] =>
      [...found]
        .filter(([number, one]) => one === outcome && number !== ping)
        .map(([number]) => number)
        .toSorted((one, other) => one - other)
    assert.equal(found.size, 256)
    assert.deepEqual(which('goes on'), state.goesOn)
    assert.deepEqual(which('answered UNIMPLEMENTED'), state.unimplemented)
    assert.equal(world.gateway.child.exitCode, null)
    assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
    assert.ok(!world.gateway.lines.some((line) => line.includes('"INTERNAL"')))
  })
