import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Ends } from '../../src/gateway/ends.ts'
import { Life } from '../../src/gateway/life.ts'
import { Renewals } from '../../src/gateway/renewals.ts'
import { Turns } from '../../src/gateway/turns.ts'
import { GatewayError } from '../../src/model/errors.ts'
import { aCertificate, at } from '../support/certificate.ts'
import { aKnock } from '../support/knock.ts'
import { allowed, denied, Stage } from '../support/stage.ts'

/** A certificate of the 60 seconds that begin at second 1000, where the clock of these tests stands at first. */
const aMinute = (serial: bigint, end = 1_060) => ({ ...aCertificate(), serial, validBefore: at(end) })
const noAnswer = new GatewayError('POLICY_TIMEOUT', 'late')

/** A session that is renewed, on a clock that the test moves. */
function aSession({ mock }: TestContext, stage: Stage, turns = new Turns(8)) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
  mock.method(Math, 'random', () => 0)
  const admitted = {
    knock: aKnock(),
    decisionId: 'decision-1',
    route: { host: '10.0.3.7', port: 22 },
    certificate: aMinute(1n),
    subjectKey: Buffer.alloc(0),
    localAddress: '10.0.0.5' as never,
    epoch: stage.epoch.now,
  }
  const life = new Life(admitted, at(1_000), async () => 0, stage.steps)
  /** Why it was cut. */
  const cuts: string[] = []
  /** What came of it, with the second at which it came. */
  const heard: string[] = []
  const hear = (what: string): void => void heard.push(`${(Date.now() - 1_000_000) / 1_000} ${what}`)
  const course = {
    inside: (act: () => void) => act(),
    renewed: ({ serial }: { serial: bigint }) => hear(`renewed ${serial}`),
    failed: ({ code }: GatewayError) => hear(code),
    denied: ({ code }: GatewayError) => hear(code),
    cut({ code }: GatewayError) {
      cuts.push(code)
      renewals[Symbol.dispose]() // as the end of a session does
    },
  }
  const renewals = new Renewals(life, course, { epoch: stage.epoch, turns })
  return {
    life,
    heard,
    cuts,
    course,
    over: () => renewals[Symbol.dispose](),
    async pass(seconds: number): Promise<void> {
      for (let tenths = 0; tenths < seconds * 10; tenths++) {
        mock.timers.tick(100)
        await quiet()
      }
    },
  }
}
/** Until everything that waits for no timer has been done. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const questions = (stage: Stage): number => stage.trace.filter((step) => step === 'evaluate').length

test('it is asked a tenth of its time before the certificate ends, and then of the next one', async (t) => {
  const stage = new Stage()
  stage.certificates = [aMinute(2n, 1_114), aMinute(3n, 1_168)]
  const { heard, pass } = aSession(t, stage)
  await pass(53.9)
  assert.deepEqual(heard, [])
  await pass(60)
  assert.deepEqual(heard, ['54 renewed 2', '108 renewed 3'])
})
test('certificates that were issued together are not asked for together: up to a quarter of that time earlier', async (t) => {
  const stage = new Stage()
  const { heard, pass, life } = aSession(t, stage)
  assert.equal(life.renewals, 0)
  t.mock.method(Math, 'random', () => 1)
  stage.certificates = [aMinute(2n, 1_114), aMinute(3n, 1_200)]
  await pass(107)
  assert.deepEqual(heard, ['54 renewed 2', '106.5 renewed 3'])
})
test('it is asked at once when something has changed', async (t) => {
  const stage = new Stage()
  const { heard, pass } = aSession(t, stage)
  await pass(10)
  stage.epoch.advance()
  await quiet()
  assert.deepEqual(heard, ['10 renewed 1'])
})
test('of two changes at once there comes one question', async (t) => {
  const stage = new Stage()
  const { heard } = aSession(t, stage)
  stage.epoch.advance()
  stage.epoch.advance()
  await quiet()
  assert.deepEqual([heard, questions(stage)], [['0 renewed 1'], 1])
})
test('a change while it is asked brings the question again: of two answers the later counts', async (t) => {
  const stage = new Stage()
  stage.answers = [allowed, denied]
  const { heard, life } = aSession(t, stage)
  const held = stage.hold('record')
  stage.epoch.advance()
  await held.reached
  stage.epoch.advance()
  held.goOn()
  await quiet()
  assert.deepEqual([heard, life.renewals], [['0 DENIED_BY_POLICY'], 0])
})
test('and so the other way round: who was denied by what is no more in force stays', async (t) => {
  const stage = new Stage()
  stage.answers = [denied, allowed]
  const { heard } = aSession(t, stage)
  const held = stage.hold('evaluate')
  stage.epoch.advance()
  await held.reached
  stage.epoch.advance()
  held.goOn()
  await quiet()
  assert.deepEqual(heard, ['0 renewed 1'])
})
test('a change is not missed that comes while the answer before takes hold', async (t) => {
  const stage = new Stage()
  const { heard, life } = aSession(t, stage)
  stage.epoch.advance()
  stage.answers = [allowed, denied]
  const { record } = stage.steps
  let records = 0
  stage.steps.record = async (entry) => {
    await record(entry)
    // After the answer was compared, and before anybody waits for the next change.
    if (records++ === 0) queueMicrotask(() => queueMicrotask(() => stage.epoch.advance()))
  }
  await quiet()
  assert.equal(heard.at(-1), '0 DENIED_BY_POLICY')
  assert.ok(life.renewals <= 1)
})

test('a failing evaluation is tried again, each time after twice as long, until the certificate ends', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer]
  const { heard, cuts, course, pass, life } = aSession(t, stage)
  using ends = new Ends({ carried: 0, cut: course.cut }, at(1_000), undefined)
  ends.set(life.certificate)
  await pass(70)
  await quiet()
  assert.deepEqual(cuts, ['CERTIFICATE_EXPIRED'])
  // A quarter of a second, a half, one, two; the clock moves by tenths.
  const instants = [54, 54.3, 54.8, 55.8, 57.8]
  assert.deepEqual(
    heard,
    instants.map((instant) => `${instant} POLICY_TIMEOUT`),
  )
})
test('but not less often than every fifteen seconds', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer]
  const { heard, pass } = aSession(t, stage)
  stage.epoch.advance()
  await pass(100)
  const instants = heard.map((line) => Number.parseFloat(line))
  const gaps = instants.slice(1).map((instant, index) => Math.round(instant - (instants[index] ?? 0)))
  assert.deepEqual(gaps, [0, 1, 1, 2, 4, 8, 15, 15, 15, 15, 15])
})
test('a change ends the wait', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer, noAnswer, noAnswer, noAnswer, allowed]
  const { heard, pass } = aSession(t, stage)
  await pass(55)
  stage.epoch.advance()
  await quiet()
  assert.deepEqual(heard.slice(3), ['55 POLICY_TIMEOUT'])
  stage.epoch.advance()
  await quiet()
  assert.deepEqual(heard.slice(4), ['55 renewed 1'])
})
test('also one that comes while the failure is written down', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer, denied]
  const { heard } = aSession(t, stage)
  const held = stage.hold('record')
  stage.epoch.advance()
  await held.reached
  stage.epoch.advance()
  held.goOn()
  await quiet()
  assert.deepEqual(heard, ['0 DENIED_BY_POLICY'])
})
test('after an answer the gaps are small again', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer, noAnswer, noAnswer, allowed, noAnswer, noAnswer]
  stage.certificates = [aMinute(2n, 1_120)]
  const { heard, pass } = aSession(t, stage)
  await pass(55)
  stage.epoch.advance()
  await quiet()
  await pass(59)
  const last = heard.slice(-2).map((line) => Number.parseFloat(line))
  assert.equal(Math.round(10 * ((last[1] ?? 0) - (last[0] ?? 0))), 3)
})

// Its end

test('a denial ends it', async (t) => {
  const stage = new Stage()
  stage.answers = [denied]
  const { heard, pass } = aSession(t, stage)
  stage.epoch.advance()
  await quiet()
  stage.epoch.advance()
  await pass(60)
  assert.deepEqual([heard, questions(stage)], [['0 DENIED_BY_POLICY'], 1])
})
test('the end of the session ends it while it waits', async (t) => {
  const stage = new Stage()
  const { over } = aSession(t, stage)
  over()
  await quiet()
  assert.equal(questions(stage), 0)
})
test('and while it is asked: whatever the answer, nothing comes of it', async (t) => {
  const stage = new Stage()
  stage.answers = [denied]
  const { heard, over } = aSession(t, stage)
  const held = stage.hold('evaluate')
  stage.epoch.advance()
  await held.reached
  over()
  held.goOn()
  await quiet()
  assert.deepEqual([heard, stage.records], [[], []])
})
test('and while it waits for its turn', async (t) => {
  const stage = new Stage()
  const turns = new Turns(1)
  const turn = await turns.take()
  const { over } = aSession(t, stage, turns)
  stage.epoch.advance()
  await quiet()
  over()
  turn[Symbol.dispose]()
  await quiet()
  assert.equal(questions(stage), 0)
  using _free = await turns.take()
})
test('a turn is given back whatever comes of the question', async (t) => {
  const stage = new Stage()
  stage.answers = [noAnswer, allowed, denied]
  const turns = new Turns(1)
  const { pass } = aSession(t, stage, turns)
  stage.epoch.advance()
  await pass(0.5)
  stage.epoch.advance()
  await quiet()
  using _free = await turns.take()
})
test('a session that lives long listens for changes no more than one that lives short', async (t) => {
  const stage = new Stage()
  const { mock } = t.mock.method(stage.epoch, 'onAdvance')
  const { life } = aSession(t, stage)
  for (let change = 0; change < 50; change++) {
    stage.epoch.advance()
    await quiet()
  }
  assert.deepEqual([life.renewals, mock.callCount()], [50, 1])
})
test('a question that breaks is the end of the session', async (t) => {
  const stage = new Stage()
  const { heard, cuts, course } = aSession(t, stage)
  course.renewed = () => {
    throw new Error('as the test wants it')
  }
  stage.epoch.advance()
  await quiet()
  assert.deepEqual([heard, cuts], [[], ['INTERNAL']])
})
