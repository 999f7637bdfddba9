import { DatabaseSync } from 'node:sqlite'
import type { Workspace } from './workspace.ts'
import { api, type DecisionEvent, type GatewayProcess } from './world.ts'

/** All of them, by as many questions as it takes. */
export async function decisionsOf(gateway: GatewayProcess): Promise<DecisionEvent[]> {
  const found: DecisionEvent[] = []
  for (let cursor = ''; ; ) {
    const page = (await (await api(gateway, `/v1/decisions?limit=500${cursor}`)).json()) as {
      decisions: DecisionEvent[]
      next_cursor?: string
    }
    found.push(...page.decisions)
    if (page.next_cursor === undefined) return found
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
  }
}

/** The key ids of the certificates that an sshd has taken, by its own log. */
export const acceptedBy = (log: readonly string[]): string[] =>
  log.flatMap((line) => /Accepted publickey .* ID (\S+) \(serial/.exec(line)?.[1] ?? [])

/** What is wrong with a decision log: a certificate that sshd accepted is not in it, its numbers have gaps, its file is damaged. */
export function faultsOfLog(
  { path }: Workspace,
  accepted: readonly string[],
  decisions: readonly DecisionEvent[],
): string[] {
  const logged = new Set(decisions.map(({ mapped_result: { certificate } }) => certificate?.key_id))
  const lost = accepted.filter((id) => !logged.has(id)).map((id) => `${id} was accepted, and is not in the log`)
  const database = new DatabaseSync(path('regate.db'), { readOnly: true })
  const check = database.prepare('pragma integrity_check').all()
  const rows = database.prepare('select count(*) as count, max(sequence) as last from decisions').get()
  database.close()
  return [
    ...lost,
    ...check.map(({ integrity_check: said }) => `${said}`).filter((said) => said !== 'ok'),
    ...(rows?.count === rows?.last
      ? []
      : [`the log holds ${rows?.count} decisions, of which the last is ${rows?.last}`]),
  ]
}
