import assert from 'node:assert/strict'
import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Milliseconds } from '../src/model/units.ts'
import { loadPolicies } from '../src/policies.ts'
import { evaluate } from '../src/policy/engine.ts'
import { buildPolicy } from './support/policy.ts'
import { until } from './support/workers.ts'
import { makeWorkspace } from './support/workspace.ts'

/*
 * One bundle takes the place of another while questions are under way.
 */
const workspace = makeWorkspace()
after(() => workspace[Symbol.dispose]())

/** Answers who it is, after a while when it is asked to be slow. */
const rego = (who: string): string => `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "${who}", "message": ""}]} if {
	not input.slow
}

decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "${who}", "message": ""}]} if {
	input.slow
	count([1 | some a in numbers.range(1, 300); some b in numbers.range(1, 300); a == b]) == 300
}
`
const mute = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := input.nothing
`
const bundles = {
  old: buildPolicy(workspace, rego('old'), 'old.tar.gz'),
  new: buildPolicy(workspace, rego('new'), 'new.tar.gz'),
  mute: buildPolicy(workspace, mute, 'mute.tar.gz'),
}
const settings = (bundle: string) => ({
  bundle,
  deadline: 20_000 as Milliseconds,
  poll: 5_000 as Milliseconds,
  memoryPages: 1_024,
  workers: 1,
})
async function answerOf(active: Parameters<typeof evaluate>[0], input: object = {}): Promise<string> {
  const evaluation = await evaluate(active, 'ssh/decision', input)
  if (evaluation.came !== 'answered') return evaluation.came === 'failed' ? evaluation.error.code : evaluation.came
  return (evaluation.result as { reasons: { code: string }[] }).reasons[0]?.code ?? ''
}

test('who has asked before is answered by the old one, who asks after by the new one', async () => {
  await using policies = await loadPolicies(settings(bundles.old))
  const running = answerOf(policies.admissions, { slow: true })
  const waiting = answerOf(policies.admissions)
  await policies.reload(settings(bundles.new), [{}])
  const later = answerOf(policies.admissions)
  assert.deepEqual(await Promise.all([running, waiting, later]), ['old', 'old', 'new'])
})
test('in whatever order they come, nobody is refused for it', async () => {
  await using policies = await loadPolicies(settings(bundles.old))
  const answers: Promise<string>[] = []
  let over = false
  const ask = async (): Promise<void> => {
    while (!over) {
      answers.push(
        answerOf(policies.admissions),
        answerOf(policies.api),
        policies.dryRuns().then((one) => answerOf(one)),
      )
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const asking = ask()
  for (const bundle of [bundles.new, bundles.old, bundles.new]) await policies.reload(settings(bundle), [{}])
  over = true
  await asking
  const said = new Set(await Promise.all(answers))
  assert.deepEqual([...said].toSorted(), ['new', 'old'])
  assert.equal(await answerOf(policies.admissions), 'new')
})
test('a bundle that cannot be read leaves the one in force, and says so until another is good', async () => {
  await using policies = await loadPolicies(settings(bundles.old))
  const spoilt = workspace.path('spoilt.tar.gz')
  writeFileSync(spoilt, 'no bundle')
  await assert.rejects(policies.reload(settings(spoilt), [{}]), { code: 'POLICY_BUNDLE' })
  assert.deepEqual([await answerOf(policies.admissions), policies.lastFault?.code], ['old', 'POLICY_BUNDLE'])
  await policies.reload(settings(bundles.new), [{}])
  assert.equal(policies.lastFault, undefined)
})
test('so does one that gives no answer any more', async () => {
  await using policies = await loadPolicies(settings(bundles.old))
  await assert.rejects(policies.reload(settings(bundles.mute), [{}]), { code: 'POLICY_BUNDLE' })
  assert.equal(await answerOf(policies.admissions), 'old')
})
test('one that comes later puts a gateway without any to work', async () => {
  const path = workspace.path('later.tar.gz')
  await using policies = await loadPolicies(settings(path))
  assert.equal(await answerOf(policies.admissions), 'POLICY_MISSING')
  renameSync(buildPolicy(workspace, rego('late'), 'made.tar.gz'), path)
  await policies.reload(settings(path), [{}])
  assert.equal(await answerOf(policies.admissions), 'late')
})
test('workers for dry runs that are just starting end with their bundle', async () => {
  const cycle = async (): Promise<void> => {
    await using policies = await loadPolicies(settings(bundles.old))
    let starting: Promise<unknown> | undefined
    const canary = {
      // Asked for just before the other bundle comes into force.
      toJSON() {
        starting ??= policies.dryRuns()
        return {}
      },
    }
    await policies.reload(settings(bundles.new), [canary])
    await starting
    assert.equal(await answerOf(await policies.dryRuns()), 'new')
  }
  const threads = (): number => readdirSync('/proc/self/task').length
  await cycle()
  const first = threads() // Node.js has those of its own by then
  await cycle()
  // The kernel lists one a moment longer than it runs.
  assert.ok((await until(threads, (now) => now <= first)) <= first)
})
