import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { instantiate, type PolicyModule } from '../../src/policy/wasm.ts'
import { compileRego, opa } from '../support/opa.ts'

/*
 * The policies' own tests once more, compiled to WASM and run in the gateway's runtime: what passes under `opa test` and
 * what decides in production are two programs.
 */
const root = join(import.meta.dirname, '..', '..', 'policies')
const files = ['ssh', 'access', 'system'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rego'))
    .map((name) => join(root, folder, name)),
)
const modules = files.map((file) => readFileSync(file, 'utf8'))
const data = JSON.stringify({ access: JSON.parse(readFileSync(join(root, 'data', 'access', 'data.json'), 'utf8')) })

/** `ssh_test/test_outcome`, for each rule of that kind. */
const rules = modules.flatMap((text) => {
  const [, name = ''] = /^package (\S+)$/m.exec(text) ?? []
  if (!name.endsWith('_test')) return []
  return [...text.matchAll(/^(test_\w+)/gm)].map(([, rule]) => `${name.replaceAll('.', '/')}/${rule}`)
})
const tests = [...new Set(rules)].toSorted()

let module: PolicyModule
let byOpa: Record<string, Record<string, unknown>>
const packageOf = (name: string): string => name.split('/').slice(0, -1).join('.')
before(async () => {
  const bundle = await compileRego({ modules, entrypoints: tests, data })
  module = instantiate(bundle.module, { memoryPages: 1_024 })
  module.setData(bundle.data)
  // Package by package: asked for all of `data`, OPA leaves `data.system` out.
  const packages = [...new Set(tests.map(packageOf))]
  const query = `{${packages.map((name) => `${JSON.stringify(name)}: data.${name}`).join(', ')}}`
  const sources = [...files, `access:${join(root, 'data', 'access', 'data.json')}`].flatMap((file) => ['--data', file])
  byOpa = JSON.parse(await opa('eval', '--format', 'raw', ...sources, query)) as typeof byOpa
})

test('there are tests to run', () => assert.ok(tests.length > 30, `${tests.length}`))

for (const name of tests)
  test(`in WASM as in OPA: ${name}`, () => {
    const answer = module.evaluate(name, '{}', { nowNs: 0n })
    const expected = byOpa[packageOf(name)]?.[name.split('/').at(-1) ?? '']
    assert.deepEqual(answer === undefined ? undefined : JSON.parse(answer), expected)
    // A rule is true, or a table of rows that are.
    const rows = typeof expected === 'object' && expected !== null ? Object.values(expected) : [expected]
    assert.ok(rows.length > 0 && rows.every((row) => row === true))
  })
