import { api, type GatewayProcess } from './world.ts'

/** What a gateway has done since its start. */
export interface Counts {
  readonly decisions: number
  /** Of its store, one fsync each. */
  readonly commits: number
}

/** As `/metrics` tells it. */
export async function countsOf(gateway: GatewayProcess): Promise<Counts> {
  const text = await (await api(gateway, '/metrics')).text()
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:{.*})? (\\d+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0)
  return { decisions: sum('regate_decisions_total'), commits: sum('regate_store_commits_total') }
}
