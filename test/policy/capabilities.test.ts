import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { builtins } from '../../src/policy/builtins/registry.ts'
import { type Capabilities, misleading, placeOf, servedCapabilities } from '../../src/policy/capabilities.ts'
import { requiredBuiltins } from '../../src/policy/wasm.ts'
import { compileRego, opa } from '../support/opa.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const current = JSON.parse(await opa('capabilities', '--current')) as Capabilities
const served = servedCapabilities(current)
const servedNames = new Set(served.builtins.map(({ name }) => name))

test('policies/capabilities.json is what this OPA and the gateway make of it (node bin/capabilities.ts)', () => {
  assert.deepEqual(JSON.parse(read('policies/capabilities.json')), served)
})

test('everything that the gateway serves may be called, and nothing that misleads', () => {
  for (const name of builtins.keys()) assert.ok(servedNames.has(name), name)
  for (const name of misleading) assert.ok(!servedNames.has(name), name)
})

test('nothing may be fetched', () => {
  assert.deepEqual(served.allow_net, [])
})

test('an OPA that lacks what the gateway serves is told', () => {
  const without = { ...current, builtins: current.builtins.filter(({ name }) => name !== 'sprintf') }
  assert.throws(() => servedCapabilities(without), /this OPA has no sprintf/)
})

const programs: [rule: string, expression: string, refusal: RegExp | undefined][] = [
  ['a function of the module compiles', 'count([1])', undefined],
  ['a function of the gateway compiles', 'sprintf("%v", [time.now_ns()])', undefined],
  ['operators and template strings compile', '$"{1 + 2 * 3 - 4 / 5} {1 in [1]} {{1} & {2} | {3}}"', undefined],
  ['what the compiler resolves compiles', 'rego.metadata.rule()', undefined],
  ['what nobody serves does not', 'http.send({"method": "get", "url": "http://x"})', /undefined function http\.send/],
  ['what misleads does not', 'base64.is_valid("YQ")', /undefined function base64\.is_valid/],
]
for (const [rule, expression, refusal] of programs)
  test(rule, async () => {
    const compiling = compileRego({ modules: [`package t\np := ${expression}`], entrypoints: ['t/p'] })
    if (refusal === undefined) await compiling
    else await assert.rejects(compiling, refusal)
  })

test('the module calls the gateway for nothing that is said to be in the module', async () => {
  const calls = current.builtins
    .filter(({ name, infix, relation }) => placeOf(name) === 'module' && infix === undefined && relation !== true)
    .filter(({ name }) => !name.startsWith('internal.'))
    .map(
      ({ name, decl }, at) =>
        `p${at} := ${name}(${(decl as { args?: unknown[] }).args?.map((_, to) => `input[${to}]`).join(', ')})`,
    )
  const { module } = await compileRego({ modules: [`package t\n${calls.join('\n')}\n`], entrypoints: ['t'] })
  assert.deepEqual([...requiredBuiltins(module, 64)], [])
})

/** The names in a column of the tables below a heading, up to the next heading. */
function namesIn(heading: string, column: number): string[] {
  const [, section = ''] = read('docs/built-ins.md').split(`\n## ${heading}\n`)
  const rows = section
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|---'))
  return (
    rows
      ?.flatMap((row) => [...(row.split('|')[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
      .sort() ?? []
  )
}

test('the documentation lists what may be called, and where it is', () => {
  const at = (place: string) =>
    current.builtins
      .filter(({ name, infix }) => placeOf(name) === place && infix === undefined && !name.startsWith('internal.'))
      .map(({ name }) => name)
      .sort()
  const operators = ['equal', 'div', 'mul', 'plus', 'minus', 'rem', 'gt', 'gte', 'lt', 'lte', 'neq', 'and', 'or']
  assert.deepEqual(
    namesIn('Served', 2),
    at('module').filter((name) => !operators.includes(name)),
  )
  assert.deepEqual(namesIn('Served', 3), at('gateway'))
})

test('the documentation lists what is left out', () => {
  const leftOut = current.builtins.map(({ name }) => name).filter((name) => !servedNames.has(name))
  assert.deepEqual(namesIn('Left out', 1), leftOut.sort())
})
