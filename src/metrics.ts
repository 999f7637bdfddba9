import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Measures } from './gateway/measures.ts'
import type { ErrorCode } from './model/errors.ts'
import type { SessionBytes } from './model/session-event.ts'
import { exitsHelp, type MetricJson } from './workers/past-counts.ts'

/** What is counted, and how it is told. */
export interface Metrics extends Measures {
  /** A decision about a connection, once it is written down. */
  decided(outcome: 'allow' | 'deny', code?: ErrorCode | ''): void
  evaluated(entrypoint: string, nanoseconds: number): void
  /** A decision is durable, or is known not to be. */
  logged(milliseconds: number): void
  /** Prometheus's text format, 0.0.4. */
  text(): Promise<string>
  /** The same as data, to be summed with that of other processes. */
  told(): Promise<readonly MetricJson[]>
}

/** Looked at when somebody asks. */
export interface Sources {
  /** The live sessions' bytes, one for each. */
  live(): readonly SessionBytes[]
  /** Policy workers that had to be replaced. */
  restarts(): number
}

/** Every name begins with `regate_`; labels have values of closed sets alone, so that nobody can make them many. */
export function createMetrics({ live, restarts }: Sources): Metrics {
  const register = new Registry()
  const registers = [register]
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `regate_${name}`, help, labelNames, registers })
  const seconds = <Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ) => new Histogram({ name: `regate_${name}_seconds`, help, buckets, labelNames, registers })

  const decisions = counter('decisions_total', 'Decisions about connections, by outcome and code', ['outcome', 'code'])
  const evaluation = seconds(
    'policy_evaluation',
    'How long the policy took',
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    ['entrypoint'],
  )
  const logged = seconds(
    'decision_log',
    'How long it took until a decision was durable',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
  )
  const signIns = counter('sign_ins_total', 'Sign-ins, by what came of them', ['result'])
  const refusals = counter('refusals_total', 'Refused on live connections, by field of the certificate', ['field'])
  const turnedAway = counter('connections_turned_away_total', 'Connections that were not taken, by why', ['code'])
  const penalties = counter('penalties_total', 'Offences for which a source was penalised', ['offence'])
  const faults = counter('faults_total', 'Faults that nothing caught, each of which ended one connection', ['door'])
  const ended = counter('sessions_ended_total', 'Sessions that ended, by why', ['code'])
  new Gauge({
    name: 'regate_sessions_live',
    help: 'Live sessions',
    registers,
    collect() {
      this.set(live().length)
    },
  })
  const past: Record<Direction, number> = { to_client: 0, to_target: 0 }
  const bytes = counter('session_bytes_total', 'Payload that channels carried', ['direction'])
  const workers = counter('policy_worker_restarts_total', 'Policy workers that had to be replaced')
  counter('worker_exits_total', exitsHelp)
  const rising = new Rising()
  return {
    decided: (outcome, code = '') => decisions.inc({ outcome, code }),
    evaluated: (entrypoint, nanoseconds) => evaluation.observe({ entrypoint }, nanoseconds / 1e9),
    logged: (milliseconds) => logged.observe(milliseconds / 1e3),
    signIn: (result) => signIns.inc({ result }),
    turnedAway: (code) => turnedAway.inc({ code }),
    faulted: (door) => faults.inc({ door }),
    penalised: (offence) => penalties.inc({ offence }),
    refused: (field) => refusals.inc({ field }),
    sessionEnded(code, carried) {
      ended.inc({ code })
      for (const direction of directions) past[direction] += carried[direction]
    },
    text() {
      look()
      return register.metrics()
    },
    told() {
      look()
      return register.getMetricsAsJSON() as Promise<readonly unknown[]> as Promise<readonly MetricJson[]>
    },
  }

  function look(): void {
    for (const direction of directions) {
      const now = live().reduce((sum, carried) => sum + carried[direction], past[direction])
      bytes.inc({ direction }, rising.since(direction, now))
    }
    workers.inc(rising.since('restarts', restarts()))
  }
}

/** The text of all processes, each of which has told its own. */
export function sumOfMetrics(told: readonly (readonly MetricJson[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(told.map((one) => [...one])).metrics()
}

type Direction = keyof SessionBytes
const directions: readonly Direction[] = ['to_client', 'to_target']

/** A sum over things that come and go can be lower for an instant, which Prometheus would take for a restart. */
class Rising {
  readonly #last = new Map<string, number>()

  /** How much it has risen since it was asked for last. */
  since(name: string, now: number): number {
    const last = this.#last.get(name) ?? 0
    if (now <= last) return 0
    this.#last.set(name, now)
    return now - last
  }
}
