import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, sumOfMetrics } from '../../src/metrics.ts'
import { PastCounts } from '../../src/workers/past-counts.ts'

const lines = (text: string): string[] => text.split('\n').filter((line) => /^regate_\S+ [1-9]/.test(line))

test('what several processes have counted, gone ones among them, is told as one would have told it', async () => {
  const [alone, ...several] = Array.from({ length: 4 }, () =>
    createMetrics({ live: () => [], restarts: () => 0, commits: () => 0 }),
  )
  for (const [index, one] of several.entries())
    for (const metrics of [one, alone]) {
      metrics?.decided('allow')
      metrics?.evaluated('ssh/decision', 150_000 * (index + 1))
      metrics?.signIn(index === 0 ? 'signed-in' : 'SIGN_IN_DENIED')
    }
  const [live, ...gone] = await Promise.all(several.map((one) => one.told()))
  const past = new PastCounts()
  for (const one of gone) past.add(one)
  assert.deepEqual(
    lines(await sumOfMetrics([live ?? [], past.told()])).toSorted(),
    lines((await alone?.text()) ?? '').toSorted(),
  )
})
test('a gauge goes with its process', async () => {
  const metrics = createMetrics({ live: () => [{ to_client: 0, to_target: 0 }], restarts: () => 0, commits: () => 0 })
  const past = new PastCounts()
  past.add(await metrics.told())
  assert.ok(!past.told().some(({ name }) => name === 'regate_sessions_live'))
})
test('what the supervisor counts itself is summed with the rest', async () => {
  const metrics = createMetrics({ live: () => [], restarts: () => 0, commits: () => 0 })
  const past = new PastCounts()
  for (let count = 0; count < 2; count++) past.count('regate_worker_exits_total', 'help')
  assert.match(await sumOfMetrics([await metrics.told(), past.told()]), /^regate_worker_exits_total 2$/m)
})
