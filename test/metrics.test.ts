import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '../src/metrics.ts'
import type { SessionBytes } from '../src/model/session-event.ts'

const told = async (metrics: ReturnType<typeof createMetrics>): Promise<Record<string, number>> =>
  Object.fromEntries(
    [...(await metrics.text()).matchAll(/^(regate_[^ ]+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  )

test('what is told is counted, by words of closed sets', async () => {
  const metrics = createMetrics({ live: () => [], restarts: () => 0, commits: () => 7 })
  metrics.decided('allow')
  metrics.decided('deny', 'DENIED_BY_POLICY')
  metrics.decided('deny', 'DENIED_BY_POLICY')
  metrics.evaluated('ssh/decision', 150_000)
  metrics.logged(3)
  metrics.signIn('signed-in')
  metrics.signIn('SIGN_IN_DENIED')
  metrics.refused('permit-pty')
  metrics.turnedAway('TOO_MANY_CONNECTIONS')
  metrics.penalised('crash')
  metrics.faulted('http')
  metrics.sessionEnded('CLIENT_LEFT', { to_client: 5, to_target: 6 })
  const counted = await told(metrics)
  const expected = {
    'regate_decisions_total{outcome="allow",code=""}': 1,
    'regate_decisions_total{outcome="deny",code="DENIED_BY_POLICY"}': 2,
    'regate_policy_evaluation_seconds_bucket{le="0.0001",entrypoint="ssh/decision"}': 0,
    'regate_policy_evaluation_seconds_bucket{le="0.0002",entrypoint="ssh/decision"}': 1,
    'regate_decision_log_seconds_bucket{le="0.005"}': 1,
    'regate_sign_ins_total{result="signed-in"}': 1,
    'regate_sign_ins_total{result="SIGN_IN_DENIED"}': 1,
    'regate_refusals_total{field="permit-pty"}': 1,
    'regate_connections_turned_away_total{code="TOO_MANY_CONNECTIONS"}': 1,
    'regate_penalties_total{offence="crash"}': 1,
    'regate_faults_total{door="http"}': 1,
    'regate_sessions_ended_total{code="CLIENT_LEFT"}': 1,
    'regate_session_bytes_total{direction="to_client"}': 5,
    'regate_session_bytes_total{direction="to_target"}': 6,
    'regate_store_commits_total': 7,
  }
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, counted[name]])), expected)
})

test('bytes never fall, whichever is heard first: that a session ended, or that it is not live any more', async () => {
  const live: SessionBytes[] = [{ to_client: 10, to_target: 0 }]
  let restarts = 1
  const metrics = createMetrics({ live: () => live, restarts: () => restarts, commits: () => 0 })
  const now = async (): Promise<(number | undefined)[]> => {
    const counted = await told(metrics)
    return ['session_bytes_total{direction="to_client"}', 'sessions_live', 'policy_worker_restarts_total'].map(
      (name) => counted[`regate_${name}`],
    )
  }
  assert.deepEqual(await now(), [10, 1, 1])
  live.pop()
  assert.deepEqual(await now(), [10, 0, 1])
  metrics.sessionEnded('CLIENT_LEFT', { to_client: 12, to_target: 0 })
  restarts = 3
  assert.deepEqual(await now(), [12, 0, 3])
  assert.deepEqual(await now(), [12, 0, 3])
})

test('two gateways in one process count apart', async () => {
  const [one, other] = [1, 2].map(() => createMetrics({ live: () => [], restarts: () => 0, commits: () => 7 }))
  assert.ok(one !== undefined && other !== undefined)
  one.turnedAway('SOURCE_PENALISED')
  const name = 'regate_connections_turned_away_total{code="SOURCE_PENALISED"}'
  assert.deepEqual([(await told(one))[name], (await told(other))[name]], [1, undefined])
})
