import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { BuiltinError } from '../../../src/policy/builtins/operands.ts'
import { builtins } from '../../../src/policy/builtins/registry.ts'
import { arrayValue, stringValue, type Value } from '../../../src/policy/value.ts'
import { regoText, termText } from '../../../src/policy/value-text.ts'
import { opa } from '../../support/opa.ts'
import { operandsOf } from './arbitrary-operands.ts'

/**
 * Each function of the gateway against OPA's own, over arguments that fast-check makes. The seed is fixed, so that a run is
 * a run; `REGATE_SEED` and `REGATE_RUNS` set others.
 */
const seed = Number(process.env.REGATE_SEED ?? 20251124)
const runs = Number(process.env.REGATE_RUNS ?? 1500)

for (const [name, operands] of Object.entries(operandsOf))
  test(`${name} answers what OPA answers`, async () => {
    const cases = fc.sample(operands, { seed, numRuns: runs })
    const wanted = await askOpa(name, cases)
    for (const [at, list] of cases.entries())
      assert.equal(ask(name, list), wanted[at], `${name}${regoText(arrayValue(list))}`)
  })

/** What people see of the answer, in a list; undefined where there is none. */
function ask(name: string, operands: readonly Value[]): string | undefined {
  const run = builtins.get(name)
  assert.ok(run !== undefined, `${name} is not served`)
  try {
    return termText(arrayValue([run(operands, { nowNs: 0n, note: () => {} })]))
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return undefined
    throw thrown
  }
}

/** The same of OPA's answers. One run of OPA. */
async function askOpa(name: string, cases: readonly (readonly Value[])[]): Promise<(string | undefined)[]> {
  const folder = await mkdtemp(join(tmpdir(), 'regate-same-'))
  try {
    const parameters = cases[0]?.map((_, at) => `list[${at}]`).join(', ')
    // The first rule is never defined; it keeps the compiler from knowing the types of the second.
    const policy = `package same
calls := input.calls
calls := ${regoText(arrayValue(cases.map(arrayValue))).replaceAll('\ufeff', '\\ufeff')}
answers[at] := sprintf("%v", [[${name}(${parameters})]]) if some at, list in calls
`
    await writeFile(join(folder, 'same.rego'), policy)
    const printed = await opa('eval', '--format', 'raw', '--data', folder, 'json.marshal(data.same.answers)')
    const answers = JSON.parse(printed) as Record<string, string>
    return cases.map((_, at) => answers[at])
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('every function but the three that answer nothing of their own is compared', () => {
  const others = ['internal.print', 'time.now_ns', 'trace']
  assert.deepEqual([...builtins.keys()].sort(), [...Object.keys(operandsOf), ...others].sort())
})

test('the comparison notices a difference', async () => {
  const [answer] = await askOpa('strings.count', [[stringValue('aaa'), stringValue('a')]])
  assert.equal(answer, '[3]')
  assert.notEqual(answer, ask('strings.count', [stringValue('aa'), stringValue('a')]))
})
