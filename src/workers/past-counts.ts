/** A metric as prom-client tells it (`getMetricsAsJSON`). */
export interface MetricJson {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: string
  readonly values: readonly MetricValue[]
}
interface MetricValue {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Of a histogram: which of its series. */
  readonly metricName?: string
}

export const exitsHelp = 'Processes of `workers` that ended without being told to'

/** What only rises. */
const counting = new Set(['counter', 'histogram'])

/**
 * What those have counted who are gone: a sum over all processes would fall when one of them leaves, and Prometheus would
 * take that for a restart. Labels have values of closed sets, so it does not grow.
 */
export class PastCounts {
  readonly #metrics = new Map<string, { readonly metric: MetricJson; readonly values: Map<string, MetricValue> }>()

  add(told: readonly MetricJson[]): void {
    for (const metric of told) {
      if (!counting.has(metric.type)) continue
      const known = this.#metrics.get(metric.name) ?? { metric, values: new Map() }
      this.#metrics.set(metric.name, known)
      for (const { value, labels, metricName } of metric.values) {
        const key = JSON.stringify([metricName, Object.entries(labels).toSorted()])
        const sum = (known.values.get(key)?.value ?? 0) + value
        known.values.set(key, { value: sum, labels, ...(metricName === undefined ? {} : { metricName }) })
      }
    }
  }

  /** One more of something that a supervisor counts itself. */
  count(name: string, help: string): void {
    this.add([{ name, help, type: 'counter', aggregator: 'sum', values: [{ value: 1, labels: {} }] }])
  }

  told(): MetricJson[] {
    return [...this.#metrics.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }))
  }
}
