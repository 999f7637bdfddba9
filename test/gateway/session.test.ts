import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { Chronicle } from '../../src/gateway/chronicle.ts'
import { ownRegistry } from '../../src/gateway/commons.ts'
import { contained, toldToOwner } from '../../src/gateway/containment.ts'
import { Life } from '../../src/gateway/life.ts'
import type { Measures } from '../../src/gateway/measures.ts'
import { Registry } from '../../src/gateway/registry.ts'
import { LiveSession } from '../../src/gateway/session.ts'
import { Sessions } from '../../src/gateway/sessions.ts'
import { Turns } from '../../src/gateway/turns.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Log } from '../../src/model/log.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { aCertificate, at } from '../support/certificate.ts'
import { aKnock, alice } from '../support/knock.ts'
import { allowed, denied, Stage } from '../support/stage.ts'

/** As much of a connection as a session asks of it: it ends once, for the first reason. */
function aLeg(name: string, trace: string[]) {
  const end = new AbortController()
  const cut = (why: GatewayError): void => {
    if (!end.signal.aborted) trace.push(`${name}: ${why.code}`)
    end.abort(why)
  }
  return {
    signal: end.signal,
    cut,
    disconnect(_reason: number, text: string, why: GatewayError): void {
      if (!end.signal.aborted) trace.push(`${name} is told: ${text}`)
      cut(why)
    },
    relay() {},
  }
}

const nothing = (): void => {}
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log }
const measures = { refused: nothing, sessionEnded: nothing } as unknown as Measures

const aMinute = () => ({
  ...aCertificate({ extensions: { 'idle-timeout@regate': 60 } }),
  validBefore: at(Math.floor(Date.now() / 1_000) + 60),
})

/** A session, and all that came of it. A target ends with its client, as one does that was reached on its behalf. */
function aSession({
  before = nothing,
  over = nothing,
}: {
  before?: (of: { sessions: Sessions; client: { cut: Leg['cut'] } }) => void
  over?: () => void
} = {}) {
  const trace: string[] = []
  const [client, target] = [aLeg('client', trace), aLeg('target', trace)]
  client.signal.addEventListener('abort', () => target.cut(new GatewayError('CLIENT_LEFT', 'the client went away')))
  const stage = new Stage()
  const sessions = new Sessions(ownRegistry(new Registry()))
  const registered = sessions.register({ sessionId: 'session-1', identity: alice, loginId: 'login-1' })
  const admitted = {
    knock: aKnock(),
    decisionId: 'decision-1',
    route: { host: '10.0.3.7', port: 22 },
    certificate: aMinute(),
    subjectKey: Buffer.alloc(0),
    localAddress: '10.0.0.5' as never,
    epoch: stage.epoch.now,
  }
  const life = new Life(admitted, at(1_000), async () => 0, stage.steps)
  const history = {
    began: ({ id }: { id: string }) => void trace.push(`began ${id}`),
    event: (_id: string, { kind }: { kind: string }) => void trace.push(kind),
    ended: (id: string, { code, message }: { code: string; message: string }) =>
      void trace.push(`ended ${id}: ${code}, ${message}`),
  }
  const parts = {
    relay: { channels: 10, unanswered: 10 },
    before: client as unknown as Leg,
    registered,
    chronicle: new Chronicle({ id: 'session-1', started_at: 1_000 }, history, measures, log),
    clock: () => at(1_010),
    renewal: { epoch: stage.epoch, turns: new Turns(1) },
  }
  before({ sessions, client })
  const legs = [client, target] as unknown as [Leg, Leg]
  new LiveSession(...legs, life, parts, () => {
    trace.push('over')
    over()
  })
  return { trace, client, target, sessions, stage }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
const left = new GatewayError('CLIENT_LEFT', 'closed its laptop')
const gone = new GatewayError('TARGET_LEFT', 'the target ended the connection')

test('when the client ends, the reason is its own, and the target ends with it', async () => {
  const { trace, client, target } = aSession()
  client.cut(left)
  await turn()
  const reason = 'ended session-1: CLIENT_LEFT, closed its laptop'
  assert.deepEqual(trace, ['began session-1', 'client: CLIENT_LEFT', 'target: CLIENT_LEFT', reason, 'over'])
  assert.equal(target.signal.aborted, true)
})
test('when the target ends, the client is told why', async () => {
  const { trace, target } = aSession()
  target.cut(gone)
  await turn()
  assert.deepEqual(trace.slice(1), [
    'target: TARGET_LEFT',
    'client is told: the target ended the connection (TARGET_LEFT)',
    'client: TARGET_LEFT',
    'ended session-1: TARGET_LEFT, the target ended the connection',
    'over',
  ])
})
test('it is listed until it has ended, and not asked about after that', async () => {
  const { target, sessions, stage } = aSession()
  assert.deepEqual(
    sessions.list().map(({ id, login_id, decision_id }) => [id, login_id, decision_id]),
    [['session-1', 'login-1', 'decision-1']],
  )
  target.cut(gone)
  await turn()
  stage.epoch.advance()
  await turn()
  assert.deepEqual([sessions.list(), stage.trace], [[], []])
})
test('one that was to be ended before it began ends as it begins', async () => {
  const { trace } = aSession({
    before: ({ sessions }) => void sessions.end(new GatewayError('LOGIN_REVOKED', 'revoked'), () => true),
  })
  await turn()
  assert.equal(trace.at(-2), 'ended session-1: LOGIN_REVOKED, revoked')
})
test('and one whose client has gone by then', async () => {
  const { trace } = aSession({ before: ({ client }) => client.cut(left) })
  await turn()
  assert.deepEqual(trace.slice(-2), ['ended session-1: CLIENT_LEFT, closed its laptop', 'over'])
})
for (const [rule, answer] of [
  ['renewal', allowed],
  ['denial', denied],
  ['failure', new GatewayError('POLICY_TIMEOUT', 'late')],
] as const)
  test(`a ${rule} and an end at the same moment: nothing comes after the end, and no timer goes on`, async () => {
    for (let steps = 0; steps < 16; steps++) {
      const before = timers()
      const { trace, target, stage } = aSession()
      stage.answers = [answer]
      stage.certificates = [aMinute()]
      const held = stage.hold('record')
      stage.epoch.advance()
      await held.reached
      held.goOn()
      for (let step = 0; step < steps; step++) await undefined
      target.cut(gone)
      await turn()
      await turn()
      assert.equal(trace.at(-1), 'over', `after ${steps} steps: ${trace.join(', ')}`)
      assert.equal(timers(), before, `after ${steps} steps: ${trace.join(', ')}`)
    }
  })
test('what it asks, and its end, are done on behalf of its connection, whoever brings them about', async () => {
  const told: unknown[] = []
  const tell = (what: string): void => void (toldToOwner(what) || told.push(`nobody’s: ${what}`))
  const begun = Promise.withResolvers<ReturnType<typeof aSession>>()
  const owner = (thrown: unknown): void => void told.push(thrown)
  contained(new Socket(), owner, () => begun.resolve(aSession({ over: () => tell('end') })))
  const { stage, sessions } = await begun.promise
  stage.certificates = [aMinute()]
  const { evaluate } = stage.steps
  stage.steps.evaluate = (...question) => {
    tell('question')
    return evaluate(...question)
  }
  stage.epoch.advance()
  await turn()
  sessions.end(new GatewayError('LOGIN_REVOKED', 'revoked'), () => true)
  await turn()
  assert.deepEqual(told, ['question', 'end'])
})
