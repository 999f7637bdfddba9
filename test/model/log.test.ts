import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { faultFields, type Log, logEnd, withFields } from '../../src/model/log.ts'
import { parsePrincipal } from '../../src/model/units.ts'
import { readUserKey } from '../../src/ssh/user-key.ts'

const bell = '\u001b]0;x\u0007'
const foreign = { code: 'E\nX' } as Error & { code: string }
const faults: [rule: string, fault: Error, fields: object][] = [
  ['an error of ours', new GatewayError('TARGET_LEFT', 'gone'), { code: 'TARGET_LEFT', fault: 'gone' }],
  ['an error of somebody', new Error('gone'), { fault: 'gone' }],
  ['its code may be anything', Object.assign(new Error('gone'), foreign), { code: 'E?X', fault: 'gone' }],
  ['no control character', new Error(bell), { fault: '?]0;x?' }],
  ['no mark that turns the direction', new Error('a\u202eb'), { fault: 'a?b' }],
  ['one line', new Error('a\nb'), { fault: 'a?b' }],
  ['not a long one', new Error('x'.repeat(250_000)), { fault: `${'x'.repeat(199)}…` }],
  ['causes too', new Error('a', { cause: new Error(bell) }), { fault: 'a', causes: ['?]0;x?'] }],
  [
    'nor a long cause',
    new Error('a', { cause: new Error('y'.repeat(999)) }),
    { fault: 'a', causes: [`${'y'.repeat(199)}…`] },
  ],
]
for (const [rule, fault, fields] of faults) test(`fields: ${rule}`, () => assert.deepEqual(faultFields(fault), fields))

test('an error that causes itself has an end', () => {
  const fault = new Error('a')
  fault.cause = fault
  assert.deepEqual(faultFields(fault), { fault: 'a', causes: ['a', 'a', 'a', 'a', 'a'] })
})

const levels: [rule: string, fault: Error, level: string][] = [
  ['what others did is news', new GatewayError('CLIENT_LEFT', ''), 'info'],
  ['what the gateway did is an error', new GatewayError('INTERNAL', ''), 'error'],
  ['so is what has no code of ours', new TypeError('x is undefined'), 'error'],
]
for (const [rule, fault, level] of levels)
  test(rule, () => {
    const seen: unknown[] = []
    const at = (level: string) => (fields: object, message: string) => void seen.push([level, fields, message])
    const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log }
    logEnd(log, fault, 'ended')
    assert.deepEqual(seen, [[level, faultFields(fault), 'ended']])
  })

const messages: [rule: string, make: () => unknown, message: RegExp][] = [
  ['a principal', () => parsePrincipal(`root${bell}\u009b`), /^not a principal: "root\?\]0;x\?\?"$/],
  ['a long principal', () => parsePrincipal('a'.repeat(250_000)), /^not a principal: "a{79}…"$/],
  ['a key algorithm', () => readUserKey(bell, undefined, Buffer.alloc(0), 3_072), /^\?\]0;x\? keys are not taken$/],
  ['a long one', () => readUserKey('k'.repeat(250_000), undefined, Buffer.alloc(0), 3_072), /^k{63}… keys are/],
]
for (const [rule, make, message] of messages)
  test(`what is not taken is named, in short and in clear: ${rule}`, () => assert.throws(make, { message }))

test('no message of ours has control characters, whoever wrote it', () => {
  assert.equal(new GatewayError('INTERNAL', `first${bell}\nsecond\u009b`).message, 'first?]0;x?\nsecond?')
})

test('each line of a log with fields has them, and what it has itself counts', () => {
  const lines: [level: string, fields: object, message: string][] = []
  const write = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message])
  const plain: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => assert.fail(),
  }
  const log = withFields(plain, { connection: 1, code: 'A' })
  log.debug({}, 'a')
  log.info({ code: 'B' }, 'b')
  log.warn({}, 'c')
  log.child({ session: 2 }).error({ more: 3 }, 'd')
  assert.deepEqual(lines, [
    ['debug', { connection: 1, code: 'A' }, 'a'],
    ['info', { connection: 1, code: 'B' }, 'b'],
    ['warn', { connection: 1, code: 'A' }, 'c'],
    ['error', { connection: 1, code: 'A', session: 2, more: 3 }, 'd'],
  ])
})
