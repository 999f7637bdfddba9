import { randomUUID } from 'node:crypto'
import type { Config } from './config.ts'
import { createDecisionLog } from './decision-log/log.ts'
import type { DecisionRecord } from './decision-log/record.ts'
import type { OnDecision } from './http/tail.ts'
import type { Metrics } from './metrics.ts'
import type { Log } from './model/log.ts'
import { version } from './project.ts'
import type { Store } from './store/open.ts'

/** The decision log with what goes along with it: counting, the console, and those who read along. */
export interface Written {
  /** Resolves when durable. */
  record(record: DecisionRecord): Promise<void>
  readonly onDecision: OnDecision
  /** Another process wrote decisions down: who reads along looks at the store. */
  decidedElsewhere(): void
}

/** `decided`: for the other processes. */
export function composeLog(
  config: Config,
  { decisions }: Pick<Store, 'decisions'>,
  metrics: Metrics,
  decided: () => void,
  log: Log,
): Written {
  const readers = new Set<() => void>()
  const wakeAll = (): void => {
    for (const wake of readers) wake()
  }
  const writer = { id: randomUUID(), version, gateway: config.gateway.name }
  const decisionLog = createDecisionLog(
    (event) => decisions.append(event),
    writer,
    (event) => {
      if (config.log.decisionsOnConsole) consoleEvent(event, log)
      wakeAll()
      decided()
    },
  )
  return {
    async record(record) {
      const begun = performance.now()
      try {
        await decisionLog.append(record)
      } finally {
        metrics.logged(performance.now() - begun)
      }
      if (record.kind === 'ssh') metrics.decided(record.outcome, record.outcome === 'deny' ? record.code : undefined)
    },
    decidedElsewhere: wakeAll,
    onDecision(wake) {
      readers.add(wake)
      return { [Symbol.dispose]: () => void readers.delete(wake) }
    },
  }
}

/** As OPA writes it to its console (docs: Decision Logs). */
function consoleEvent(event: string, log: Log): void {
  log.info({ type: 'openpolicyagent.org/decision_logs', ...(JSON.parse(event) as object) }, 'Decision Log')
}
