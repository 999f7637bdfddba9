import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { readLimits } from '../../src/config-limits.ts'
import { commonLimits } from '../../src/limits.ts'
import type { Address } from '../../src/model/address.ts'
import { Crew } from '../../src/workers/crew.ts'
import type { Member } from '../../src/workers/member.ts'
import { protocolVersion } from '../../src/workers/protocol.ts'
import { until } from '../support/workers.ts'

const limits = commonLimits({
  ...readLimits({}, assert.fail),
  unauthenticated: 1,
  unauthenticatedDropFrom: 9,
  signIns: 1,
})
const source = '203.0.113.9' as Address

/** A worker's process as the supervisor sees it; what it is told is in `told`. */
class FakeChild extends EventEmitter {
  readonly pid = 1
  readonly stdout = null
  readonly stderr = null
  /** What it said is heard as long as it is, also after its end. */
  connected = false
  readonly told: Record<string, unknown>[] = []
  /** What it answers when it is asked. */
  answers: Readonly<Record<string, unknown>> = {}
  #asked = 0

  send(message: { ask?: string; id?: number }, _socket: unknown, _options: unknown, sent: (fault: null) => void): void {
    this.told.push(message)
    sent(null)
    if (message.ask !== undefined && message.ask in this.answers)
      this.emit('message', { answer: message.id, details: this.answers[message.ask] })
  }
  say(name: string, details?: unknown): void {
    this.emit('message', { say: name, details })
  }
  async ask(name: string, details?: unknown): Promise<unknown> {
    const id = this.#asked++
    this.emit('message', { ask: name, id, details })
    for (;;) {
      const answer = this.told.find((message) => message.answer === id)
      if (answer !== undefined) return answer.details
      await turn()
    }
  }
  kill(): void {
    this.emit('exit', null, 'SIGKILL')
  }
  names(): unknown[] {
    return this.told.map(({ ask, say }) => ask ?? say).filter((name) => name !== undefined)
  }
}

function aCrew() {
  const children: FakeChild[] = []
  const goneOnes: (readonly number[])[] = []
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }
  const crew = new Crew({
    fork: (_number, gone) => {
      goneOnes.push(gone)
      const child = new FakeChild()
      children.push(child)
      return child as unknown as ChildProcess
    },
    limits,
    output: { line() {}, fault() {} },
    log,
  })
  const start = (protocol = protocolVersion): { member: Member; child: FakeChild } => {
    const member = crew.start()
    const child = children.at(-1) ?? assert.fail()
    child.say('hello', { protocol, workers: 2, listen: {}, limits, shutdownGrace: 0 })
    child.say('ready', { hasPolicy: true })
    return { member, child }
  }
  return { crew, start, goneOnes }
}
const aSocket = () => Object.assign(new EventEmitter(), { isDestroyed: false, destroy() { this.isDestroyed = true } }) // biome-ignore format: short
const asSocket = (socket: object): Socket => socket as Socket

test('a connection goes to the worker with the fewest; among equals they take turns', () => {
  const { crew, start } = aCrew()
  const [one, two] = [start(), start()]
  const from = [one.member, two.member]
  for (let count = 0; count < 4; count++) crew.take('ssh', asSocket(aSocket()), from)
  assert.deepEqual([one.member.connections.ssh, two.member.connections.ssh], [2, 2])
  two.child.say('closed', { ssh: 2, http: 0 })
  for (let count = 0; count < 2; count++) crew.take('http', asSocket(aSocket()), from)
  assert.deepEqual([one.member.connections, two.member.connections], [{ ssh: 2, http: 0 }, { ssh: 0, http: 2 }]) // biome-ignore format: short
})
test('with none that is ready it is closed; one that drains, or was never given, gets none', () => {
  const { crew, start } = aCrew()
  const { member } = start()
  start()
  member.drain()
  const socket = aSocket()
  crew.take('ssh', asSocket(socket), [member])
  assert.ok(socket.isDestroyed)
})
test('a worker of another version of this talk is none', async () => {
  const { start } = aCrew()
  await assert.rejects(start(protocolVersion + 1).member.begun, /takes a restart of the whole gateway/)
})

const holds: [rule: string, ask: string, details: object, taken: unknown, refused: unknown][] = [
  ['a place', 'enter', { source }, 'taken', 'TOO_MANY_CONNECTIONS'],
  ['a place of those who sign in', 'signIn', { source }, 'taken', { why: 'no place for another sign-in' }],
]
for (const [rule, ask, details, taken, refused] of holds) {
  test(`${rule} that one worker holds is none for the other, until it gives it back`, async () => {
    const { start } = aCrew()
    const [one, two] = [start(), start()]
    assert.deepEqual(await one.child.ask(ask, { id: 1, ...details }), taken)
    assert.deepEqual(await two.child.ask(ask, { id: 1, ...details }), refused)
    one.child.say('giveBack', { id: 1 })
    assert.deepEqual(await two.child.ask(ask, { id: 2, ...details }), taken)
  })
  test(`${rule} is free when its worker is gone`, async () => {
    const { start } = aCrew()
    const [one, two] = [start(), start()]
    await one.child.ask(ask, { id: 1, ...details })
    one.child.kill()
    assert.deepEqual(await two.child.ask(ask, { id: 1, ...details }), taken)
  })
}
test('who waits aside takes no place, and takes it again', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  await one.child.ask('enter', { id: 1, source })
  one.child.say('aside', { id: 1 })
  assert.equal(await two.child.ask('enter', { id: 1, source }), 'taken')
  two.child.say('giveBack', { id: 1 })
  one.child.say('back', { id: 1 })
  assert.equal(await two.child.ask('enter', { id: 2, source }), 'TOO_MANY_CONNECTIONS')
})
test('people are counted over all workers, and no more when theirs is gone', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  const enrol = (id: number) => ({ id, person: 'alice', kind: 'session' })
  assert.deepEqual(await one.child.ask('enrol', enrol(1)), { others: 0, all: 1 })
  assert.deepEqual(await two.child.ask('enrol', enrol(1)), { others: 1, all: 2 })
  two.child.say('letIn', { id: 1 })
  assert.equal(await one.child.ask('liveOf', 'alice'), 1)
  assert.deepEqual(await one.child.ask('counts', { id: 1 }), { others: 1, all: 2 })
  two.child.kill()
  assert.deepEqual(await one.child.ask('counts', { id: 1 }), { others: 0, all: 1 })
})

const end = { why: { code: 'LOGIN_REVOKED', message: 'revoked' }, whose: { loginId: 'login-1' } }
test('what is to end is ended by all, the asker too, and the answer is how many there were', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  for (const { child } of [one, two]) child.answers = { end: 2 }
  assert.equal(await one.child.ask('end', { ...end, more: false }), 4)
})
test('a worker that goes between the first and the last end of something leaves the last to the supervisor', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  for (const { child } of [one, two]) child.answers = { end: 0 }
  await one.child.ask('end', { ...end, more: true })
  assert.deepEqual(two.child.names(), ['end'])
  one.child.kill()
  await turn()
  assert.deepEqual(two.child.names(), ['end', 'end'])
})
test('what a worker said before its end counts, though its end was heard first; and what it held is given back', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  for (const { child } of [one, two]) child.answers = { end: 0 }
  one.child.connected = true
  one.child.kill()
  one.child.emit('message', { ask: 'enter', id: 90, details: { id: 1, source } })
  one.child.emit('message', { ask: 'end', id: 91, details: { ...end, more: true } })
  await turn()
  one.child.connected = false // without a word, as when a socket is on its way
  await until(
    () => two.child.names().length,
    (names) => names === 2,
  )
  assert.deepEqual(two.child.names(), ['end', 'end'])
  assert.equal(await two.child.ask('enter', { id: 1, source }), 'taken')
})
test('and one that has ended it for the last time leaves nothing', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  for (const { child } of [one, two]) child.answers = { end: 0 }
  for (const more of [true, false]) await one.child.ask('end', { ...end, more })
  one.child.kill()
  await turn()
  assert.deepEqual(two.child.names(), ['end', 'end'])
})
test('news of decisions go to the others', () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  one.child.say('decided')
  assert.deepEqual([one.child.names(), two.child.names()], [[], ['decided']])
})

const counter = (value: number) => [{ name: 'n', help: 'h', type: 'counter', aggregator: 'sum', values: [{ value, labels: { a: 'b' } }] }] // biome-ignore format: short
const sum = (told: unknown): number =>
  (told as ReturnType<typeof counter>[])
    .flat()
    .reduce((all, { values }) => all + values.reduce((sum, { value }) => sum + value, 0), 0)
test('what was counted stays when its worker has gone, and is counted once', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  one.child.answers = { metrics: counter(3) }
  two.child.answers = { metrics: counter(4) }
  assert.equal(sum(await one.child.ask('metrics')), 7)
  two.child.kill()
  await turn()
  assert.equal(sum(await one.child.ask('metrics')), 7)
})
test('also when it goes while it is asked', async () => {
  const { start } = aCrew()
  const [one, two] = [start(), start()]
  one.child.answers = { metrics: counter(3) }
  two.child.answers = { metrics: counter(4) }
  await one.child.ask('metrics')
  two.child.answers = {}
  const asked = one.child.ask('metrics')
  await turn()
  two.child.kill()
  assert.equal(sum(await asked), 7)
})
test('the next worker is told of those that are gone, and no later one again', async () => {
  const { start, goneOnes } = aCrew()
  start().child.kill()
  await turn()
  start()
  await turn()
  start()
  assert.deepEqual(goneOnes, [[], [1], []])
})
