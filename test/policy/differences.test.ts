import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { instantiate } from '../../src/policy/wasm.ts'
import { compileRego, opa } from '../support/opa.ts'

/**
 * Where the gateway and OPA part, as docs/built-ins.md tells policy authors. The doc names each expression; this test keeps
 * it from telling what is no longer so.
 */
const rows: [expression: string, here: string, inOpa: string][] = [
  ['json.unmarshal("[1,]")', '[1]', 'undefined'],
  ['json.unmarshal("1 2")', '1', 'undefined'],
  ['json.unmarshal("\\"\\\\ud800\\"")', 'POLICY_FAILED', '"\ufffd"'],
  ['to_number("1e400")', '1e400', 'undefined'],
  ['to_number("-")', 'POLICY_FAILED', 'undefined'],
  ['indexof("a", "")', '0', 'undefined'],
  ['net.cidr_contains("10.0.0.0/8", "::ffff:10.1.1.1")', 'false', 'true'],
  ['net.cidr_contains("10.0.0.0/8/8", "10.1.1.1")', 'true', 'undefined'],
  ['glob.match("a{b", [], "a")', 'false', 'undefined'],
  ['regex.match("\\\\C", "a")', 'true', 'undefined'],
  ['(1 / 3) * 3 == 1', 'false', 'true'],
  ['floor(-0.5)', '-1', '0'],
  ['format_int(9007199254740993, 10)', 'POLICY_FAILED', '"9007199254740993"'],
  ['data.list[input.text]', 'undefined', '"x"'],
  ['time.parse_ns("2006", "noon")', 'POLICY_BUILTIN_FAILED', 'undefined'],
  ['{k: v | some k in ["a", "a"]; some v in [1, 2]}', 'POLICY_CONFLICT', 'error'],
  [
    'json.patch([{"a": 1}, {"b": 2}], [{"op": "add", "path": "/0", "value": 0}, {"op": "add", "path": "/1/x", "value": 3}])',
    '[0,{"a":1,"x":3},{"b":2}]',
    '[0,{"b":2,"x":3},{"b":2}]',
  ],
]

const data = '{"list": ["x"]}'
const input = '{"text": "0"}'
const policy = `package differences\n${rows.map(([expression], at) => `rule${at} := ${expression}\n`).join('')}`
const bundle = await compileRego({ modules: [policy], entrypoints: rows.map((_, at) => `differences/rule${at}`), data })

for (const [at, [expression, here, inOpa]] of rows.entries())
  test(`${expression} is ${here} here, ${inOpa} in OPA`, async () => {
    assert.equal(evaluate(at), here)
    assert.equal(await askOpa(at), inOpa)
  })

test('the documentation names each of them', () => {
  const text = readFileSync(new URL('../../docs/built-ins.md', import.meta.url), 'utf8')
  for (const [expression, here, inOpa] of rows)
    assert.ok(
      text.includes(`| \`${expression.replaceAll('|', '\\|')}\` | ${code(here)} | ${code(inOpa)} |`),
      `${expression} | ${here} | ${inOpa}`,
    )
})

const code = (answer: string): string => (answer === 'undefined' || answer === 'error' ? answer : `\`${answer}\``)

function evaluate(at: number): string {
  const module = instantiate(bundle.module, { memoryPages: 64 })
  module.setData(bundle.data)
  try {
    return module.evaluate(`differences/rule${at}`, input, { nowNs: 0n }) ?? 'undefined'
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError)
    return thrown.code
  }
}

async function askOpa(at: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'regate-differences-'))
  try {
    await writeFile(join(folder, 'policy.rego'), policy)
    await writeFile(join(folder, 'data.json'), data)
    await writeFile(join(folder, 'input.txt'), input)
    const flags = ['--format', 'raw', '--data', folder, '--input', join(folder, 'input.txt')]
    const printed = await opa('eval', ...flags, `json.marshal(data.differences.rule${at})`).catch(() => 'error')
    return printed.trim() || 'undefined'
  } finally {
    await rm(folder, { recursive: true })
  }
}
