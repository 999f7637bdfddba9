import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/model/errors.ts'
import { equal, integerValue, setValue } from '../../src/policy/value.ts'
import { jsonText, readValue, regoText } from '../../src/policy/value-text.ts'
import { instantiate, type NdBuiltinCache, type PolicyModule, requiredBuiltins } from '../../src/policy/wasm.ts'
import { compileRego } from '../support/opa.ts'
import { value } from './builtins/arbitrary.ts'

const nowNs = 1_763_982_000_123_456_789n
const rules = [
  'same := input',
  'through := json.patch(input, [])',
  'now := time.now_ns()',
  'twice := [time.now_ns(), time.now_ns()]',
  'undefined := input.none',
  'integer := 123456789012345678901234567890',
  'sets := {3, 1, {2}, set()}',
  'choice := 1 if input.a\nchoice := 2 if input.b',
  'table[key] := at if some at, key in input.keys',
  'clock := time.parse_rfc3339_ns(input.time)',
  'denied if not clock',
  'notes if { trace("traced"); internal.print([{"printed"}, {1}, set()]) }',
  'large := [i | some i in numbers.range(1, input.to)]',
  'long := sprintf("%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d", numbers.range(1, 17))',
  'deep := json.unmarshal(input.text)',
  'stored := data.site.name',
  'mocked := x if { x := time.now_ns() with time.now_ns as 5 }',
]
const names = rules.map((rule) => /^\w+/.exec(rule)?.[0] ?? '')
const bundle = await compileRego({
  modules: [`package t\n${rules.join('\n')}\n`],
  entrypoints: names.map((name) => `t/${name}`),
  data: '{"site": {"name": "built"}}',
})
const start = (options: { memoryPages?: number; builtinErrors?: 'fail' | 'undefined' } = {}): PolicyModule => {
  const policy = instantiate(bundle.module, { memoryPages: 64, ...options })
  policy.setData(bundle.data)
  return policy
}
const ask = (policy: PolicyModule, name: string, input: unknown = {}) =>
  policy.evaluate(`t/${name}`, JSON.stringify(input), { nowNs })

const answers: [rule: string, name: string, input: unknown, answer: string | undefined][] = [
  ['an undefined rule has no answer', 'undefined', {}, undefined],
  ['a falsy input is an input: null', 'same', null, 'null'],
  ['a falsy input is an input: false', 'same', false, 'false'],
  ['a falsy input is an input: 0', 'same', 0, '0'],
  ['a falsy input is an input: ""', 'same', '', '""'],
  ['the instant keeps its nanoseconds', 'now', {}, `${nowNs}`],
  ['the instant is one in an evaluation', 'twice', {}, `[${nowNs},${nowNs}]`],
  ['a policy may say what time it is', 'mocked', {}, '5'],
  ['an integer keeps every digit', 'integer', {}, '123456789012345678901234567890'],
  ['sets are sorted lists', 'sets', {}, '[1,3,[],[2]]'],
  ['data is there', 'stored', {}, '"built"'],
  ['a rule that holds one way has its value', 'choice', { b: true }, '2'],
]
for (const [rule, name, input, answer] of answers) test(rule, () => assert.equal(ask(start(), name, input), answer))

const failures: [rule: string, name: string, input: unknown, code: ErrorCode, message: RegExp][] = [
  [
    'two values of one rule',
    'choice',
    { a: true, b: true },
    'POLICY_CONFLICT',
    /^\S*policy0\.rego:\d+:\d+: var assignment conflict$/,
  ],
  ['two values of one key', 'table', { keys: ['k', 'k'] }, 'POLICY_CONFLICT', /object insert conflict$/],
  ['an error of a built-in function', 'clock', { time: 'noon' }, 'POLICY_BUILTIN_FAILED', /^time\.parse_rfc3339_ns: /],
  ['the same under a not', 'denied', { time: 'noon' }, 'POLICY_BUILTIN_FAILED', /^time\.parse_rfc3339_ns: /],
  [
    'a built-in function given nothing it knows',
    'clock',
    { time: 7 },
    'POLICY_BUILTIN_FAILED',
    /operand 1 must be string but got number/,
  ],
  ['memory', 'large', { to: 1_000_000 }, 'POLICY_MEMORY', /memory/],
  ['a text without end', 'long', {}, 'POLICY_MEMORY', /sprintf/],
  [
    'nesting without end',
    'deep',
    { text: '['.repeat(60_000) },
    'POLICY_FAILED',
    /nested too deeply|the module stopped/,
  ],
  ['a module that gives up', 'deep', { text: '"\\ud800"' }, 'POLICY_FAILED', /the module stopped: /],
]
for (const [rule, name, input, code, message] of failures)
  test(`ends the evaluation: ${rule}`, () => {
    const policy = start()
    assert.throws(() => ask(policy, name, input), { name: 'GatewayError', code, message })
    assert.equal(ask(policy, 'stored'), '"built"', 'the next one has a sound module, with its data')
  })

test('as in OPA an error of a built-in function is undefined where that is asked for', () => {
  const policy = start({ builtinErrors: 'undefined' })
  assert.equal(ask(policy, 'clock', { time: 'noon' }), undefined)
  assert.equal(ask(policy, 'denied', { time: 'noon' }), 'true')
})

const inputs: [rule: string, text: string][] = [
  ['text that is no JSON', '{"a":'],
  ['no text', ''],
  ['a set', '{1, 2}'],
  ['half of a pair, escaped', '{"a": "\\ud800"}'],
  ['half of a pair, as it is', '{"a": "\ud800"}'],
  ['half of a pair in a key', '{"\\udc00": 1}'],
  ['half of a pair before an escaped backslash', '["\\\\\\ud800\\\\udc00"]'],
  ['a number that is endless', '{"a": 1e999}'],
  ['nesting deeper than any answer', `${'['.repeat(502)}${']'.repeat(502)}`],
  ['nesting deeper than the stack', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
]
for (const [rule, text] of inputs)
  test(`not put to the module: ${rule}`, () => {
    assert.throws(() => start().evaluate('t/same', text, { nowNs }), { code: 'POLICY_INPUT' })
  })

test('an escaped pair, and a backslash before the letter u, are put to the module', () => {
  assert.equal(start().evaluate('t/same', '["\\ud83d\\ude00", "\\\\ud800"]', { nowNs }), '["😀","\\\\ud800"]')
})

test('what goes in comes out, by the module and by a built-in function', () => {
  const policy = start()
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (made) => {
      const want = JSON.parse(JSON.stringify(made)) as unknown
      for (const name of ['same', 'through']) assert.deepEqual(JSON.parse(ask(policy, name, made) ?? ''), want)
    }),
  )
})

test('sets and numbers reach a built-in function as they are', async () => {
  const made = fc.sample(value, { seed: 3, numRuns: 60 })
  const list = `[${made.map((one) => regoText(one).replaceAll('\ufeff', '\\ufeff')).join(', ')}]`
  // What patches nothing answers what it was given.
  const { module } = await compileRego({
    modules: [`package t\nall := [made | some item in ${list}; made := json.patch(item, [])]`],
    entrypoints: ['t/all'],
  })
  const got = instantiate(module, { memoryPages: 64 }).evaluateToValue('t/all', '{}', { nowNs })
  assert.ok(got?.type === 'array' && got.items.length === made.length)
  for (const [at, item] of got.items.entries()) assert.ok(equal(item, made[at] ?? item), regoText(item))
})

test('what a policy says while it is evaluated is handed on', () => {
  const notes: string[] = []
  start().evaluate('t/notes', '{}', { nowNs, note: (text) => notes.push(text) })
  assert.deepEqual(notes, ['traced', 'printed 1 <undefined>'])
})

test('what a non-deterministic function answered is written down', () => {
  const ndBuiltinCache: NdBuiltinCache = {}
  start().evaluate('t/twice', '{}', { nowNs, ndBuiltinCache })
  assert.deepEqual(ndBuiltinCache, { 'time.now_ns': { '[]': `${nowNs}` } })
})

test('also when the evaluation then fails', async () => {
  const { module } = await compileRego({
    modules: ['package t\np := time.parse_duration_ns(sprintf("%d", [time.now_ns()]))'],
    entrypoints: ['t/p'],
  })
  const ndBuiltinCache: NdBuiltinCache = {}
  const policy = instantiate(module, { memoryPages: 64 })
  assert.throws(() => policy.evaluate('t/p', '{}', { nowNs, ndBuiltinCache }), { code: 'POLICY_BUILTIN_FAILED' })
  assert.deepEqual(ndBuiltinCache, { 'time.now_ns': { '[]': `${nowNs}` } })
})

test('nothing is written down when nothing was asked', () => {
  const ndBuiltinCache: NdBuiltinCache = {}
  start().evaluate('t/mocked', '{}', { nowNs, ndBuiltinCache })
  assert.deepEqual(ndBuiltinCache, {})
})

test('a module names its entrypoints, and has no others', () => {
  const policy = start()
  assert.deepEqual([...policy.entrypoints].sort(), names.map((name) => `t/${name}`).sort())
  assert.throws(() => ask(policy, 'none'), { code: 'POLICY_BUNDLE', message: /no entrypoint t\/none/ })
  assert.throws(() => policy.evaluate('toString', '{}', { nowNs }), { code: 'POLICY_BUNDLE' })
})

test('a module names the built-in functions that it needs', () => {
  const needed = ['internal.print', 'json.patch', 'sprintf', 'time.now_ns', 'time.parse_rfc3339_ns', 'trace']
  assert.deepEqual([...requiredBuiltins(bundle.module, 64)].sort(), needed)
})

test('a module that needs what is not served is refused', async () => {
  const policy = 'package t\np := urlquery.encode(uuid.rfc4122("x"))'
  const { module } = await compileRego({ modules: [policy], entrypoints: ['t/p'], calls: 'all' })
  assert.throws(() => instantiate(module, { memoryPages: 64 }), {
    code: 'POLICY_BUILTIN_UNSERVED',
    message: 'not served: urlquery.encode, uuid.rfc4122',
  })
})

test('a module without room is refused', () => {
  assert.throws(() => instantiate(bundle.module, { memoryPages: 1 }), { code: 'POLICY_BUNDLE' })
})

test('a module that is not OPA’s is refused', async () => {
  const empty = await WebAssembly.compile(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
  assert.throws(() => instantiate(empty, { memoryPages: 64 }), { code: 'POLICY_BUNDLE' })
})

test('new data takes the place of the old', () => {
  const policy = start()
  policy.setData('{"site": {"name": "new"}}')
  assert.equal(ask(policy, 'stored'), '"new"')
  policy.setData('{}')
  assert.equal(ask(policy, 'stored'), undefined)
})

const badData: [rule: string, text: string, code: ErrorCode][] = [
  ['that is no JSON', '{', 'POLICY_BUNDLE'],
  ['that is not well-formed', '{"a": "\\ud800"}', 'POLICY_BUNDLE'],
  [
    'for which there is no room',
    JSON.stringify({ a: Array.from({ length: 300_000 }, (_, at) => at) }),
    'POLICY_MEMORY',
  ],
]
for (const [rule, text, code] of badData)
  test(`the old data stays when the new is such ${rule}`, () => {
    const policy = start()
    assert.throws(() => policy.setData(text), { code })
    assert.equal(ask(policy, 'stored'), '"built"')
  })

test('memory is the same after many evaluations', () => {
  const policy = start({ memoryPages: 40 })
  const input = { list: 'x'.repeat(2_000) }
  for (let count = 0; count < 2_000; count++) assert.equal(ask(policy, 'through', input), JSON.stringify(input))
})

test('an input larger than the memory at first is taken while there is room', () => {
  const input = JSON.stringify('x'.repeat(3_000_000))
  assert.equal(start({ memoryPages: 256 }).evaluate('t/same', input, { nowNs }), input)
  assert.throws(() => start({ memoryPages: 40 }).evaluate('t/same', input, { nowNs }), { code: 'POLICY_MEMORY' })
})

test('the SDK is the version that is known', () => {
  const path = new URL('../../node_modules/@open-policy-agent/opa-wasm/package.json', import.meta.url)
  assert.equal((JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version, '1.10.0')
})

test('a result with keys that JSON lacks is told as JSON', async () => {
  const { module } = await compileRego({ modules: ['package t\np := {1: {2}, [3]: "x"}'], entrypoints: ['t/p'] })
  const policy = instantiate(module, { memoryPages: 64 })
  assert.equal(policy.evaluate('t/p', '{}', { nowNs }), '{"1":[2],"[3]":"x"}')
  const held = policy.evaluateToValue('t/p', '{}', { nowNs })
  assert.ok(held?.type === 'object' && equal(held.entries[0]?.[1] ?? held, setValue([integerValue(2)])))
  assert.equal(jsonText(readValue('{1: {2}}')), '{"1":[2]}')
})
