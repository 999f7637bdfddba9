import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { arrayValue, equal, objectValue, setValue, stringValue, type Value } from '../../src/policy/value.ts'
import { jsonText, readValue, regoText, valueFromJson } from '../../src/policy/value-text.ts'
import { instantiate } from '../../src/policy/wasm.ts'
import { compileRego, opa } from '../support/opa.ts'
import { type Case, casesOf } from './conformance-cases.ts'

/**
 * Folders of OPA's cases: those that the gateway's own functions have to do with, and some that show how input, sets, `not`
 * and `with` fare between the gateway and the module. `REGATE_TOPICS=units,casts` looks at others.
 */
const topics = process.env.REGATE_TOPICS?.split(',') ?? [
  'aggregates',
  'comprehensions',
  'inputvalues',
  'jsonpatch',
  'negation',
  'netcidrcontains',
  'netcidrisvalid',
  'numbersrangestep',
  'sets',
  'sprintf',
  'stringinterpolation',
  'strings',
  'subset',
  'time',
  'withkeyword',
]

/** Cases that fail, and why they may. */
const exceptions = JSON.parse(readFileSync(join(import.meta.dirname, 'conformance-exceptions.json'), 'utf8')) as Record<
  string,
  string
>

for (const topic of topics)
  test(`OPA's cases: ${topic}`, async () => {
    const cases = await casesOf(topic)
    assert.ok(cases.length > 0)
    const faults = new Map<string, string>()
    await forEachAtOnce(cases, async (one) => {
      const fault = await judge(one)
      if (fault !== undefined) faults.set(one.note, fault)
    })
    const notes = new Set(cases.map(({ note }) => note))
    const unlisted = [...faults].filter(([note]) => exceptions[note] === undefined)
    const passing = Object.keys(exceptions).filter((note) => notes.has(note) && !faults.has(note))
    assert.deepEqual({ unlisted, passing }, { unlisted: [], passing: [] })
  })

test('every exception is a case of a topic', async () => {
  const cases = await Promise.all(topics.map(casesOf))
  const notes = new Set(cases.flat().map(({ note }) => note))
  assert.deepEqual(
    Object.keys(exceptions).filter((note) => process.env.REGATE_TOPICS === undefined && !notes.has(note)),
    [],
  )
})

async function forEachAtOnce<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (const item of queue) await act(item)
    }),
  )
}

/** What is wrong; undefined when nothing is. */
async function judge(one: Case): Promise<string | undefined> {
  const modules = [...(one.modules ?? []), rowsModule(one)]
  const data = one.data === undefined ? '{}' : jsonText(valueFromJson(one.data))
  const input = one.input_term === undefined ? valueFromJson(one.input ?? {}) : readValue(one.input_term.trim())
  const answer = await evaluate(modules, data, jsonText(input))
  const wantsError = one.want_error !== undefined || one.want_error_code !== undefined
  if (wantsError && one.strict_error !== true)
    return answer instanceof Error ? undefined : `an error is wanted, not ${regoText(answer)}`
  if (answer instanceof Error) return answer.message
  const wanted = wantsError ? await askOpa(modules, data, jsonText(input)) : rowsOf(one.want_result ?? [])
  const [got, want] = [answer, wanted].map((rows) => comparable(rows, one.sort_bindings === true)) as [Value, Value]
  return equal(got, want) ? undefined : `${regoText(got)}, wanted ${regoText(want)}`
}

/** The query as a rule: the rows of what its variables are. */
function rowsModule({ query, want_result: wanted = [] }: Case): string {
  const variables = Object.keys(wanted[0] ?? {}).map((name) => `"${name}": ${name}`)
  return `package conformance\nrows contains {${variables.join(', ')}} if {\n${query}\n}\n`
}

async function evaluate(modules: readonly string[], data: string, input: string): Promise<Value | Error> {
  try {
    const bundle = await compileRego({ modules, entrypoints: ['conformance/rows'], data })
    const policy = instantiate(bundle.module, { memoryPages: 1024, builtinErrors: 'undefined' })
    policy.setData(bundle.data)
    const nowNs = BigInt(Date.now()) * 1_000_000n
    return policy.evaluateToValue('conformance/rows', input, { nowNs }) ?? setValue([])
  } catch (thrown) {
    assert.ok(thrown instanceof Error)
    assert.ok(thrown instanceof GatewayError || thrown.message.startsWith('opa build'), thrown)
    return thrown
  }
}

/** What OPA answers when errors of built-in functions are undefined. */
async function askOpa(modules: readonly string[], data: string, input: string): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), 'regate-case-'))
  try {
    await Promise.all(modules.map((text, at) => writeFile(join(folder, `policy${at}.rego`), text)))
    await writeFile(join(folder, 'data.json'), data)
    const inputFile = join(folder, 'input.txt')
    await writeFile(inputFile, input)
    const query = 'json.marshal(data.conformance.rows)'
    const printed = await opa('eval', '--format', 'raw', '--data', folder, '--input', inputFile, query)
    return readValue(printed.trim())
  } finally {
    await rm(folder, { recursive: true })
  }
}

const rowsOf = (rows: readonly Readonly<Record<string, unknown>>[]): Value =>
  setValue(
    rows.map((row) => objectValue(Object.entries(row).map(([name, held]) => [stringValue(name), valueFromJson(held)]))),
  )

/** The cases are written in JSON, where a set is a sorted list. */
function comparable(rows: Value, ordersCountNot: boolean): Value {
  const inJson = readValue(jsonText(rows))
  if (inJson.type !== 'array') return inJson
  if (!ordersCountNot) return setValue(inJson.items)
  const sorted = (held: Value): Value => (held.type === 'array' ? arrayValue(setValue(held.items).items) : held)
  return setValue(
    inJson.items.map((row) =>
      row.type === 'object' ? objectValue(row.entries.map(([key, held]) => [key, sorted(held)])) : row,
    ),
  )
}
