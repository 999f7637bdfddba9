import { time } from '../model/lines.ts'
import { parseDuration } from '../model/units.ts'
import { Api, type ApiOptions, type Query } from './api.ts'
import { ApiFailure } from './api-failure.ts'
import { at, facts, jsonLine, parseExact, print, table } from './print.ts'

export interface FilterOptions extends ApiOptions {
  readonly json?: boolean
  readonly user?: string
  readonly route?: string
  readonly outcome?: string
  readonly code?: string
  readonly kind?: string
}
export interface ListOptions extends FilterOptions {
  readonly limit: string
  /** RFC 3339, or how long ago. */
  readonly from?: string
  readonly to?: string
}

const filterOf = ({ user, route, outcome, code, kind }: FilterOptions): Query => ({ user, route, outcome, code, kind })

export async function listDecisions(options: ListOptions): Promise<void> {
  const api = new Api(options, process.env)
  const query = { ...filterOf(options), from: instant(options.from), to: instant(options.to) }
  const rows: string[][] = []
  for await (const event of api.list('decisions', query, readCount(options.limit)))
    if (options.json === true) print(jsonLine(event))
    else rows.push(rowOf(event))
  if (options.json !== true) print(table(head, rows))
}

export async function showDecision(id: string, options: ApiOptions & { json?: boolean }): Promise<void> {
  const event = await new Api(options, process.env).get(`/v1/decisions/${encodeURIComponent(id)}`)
  print(options.json === true ? jsonLine(event) : describe(event))
}

/** Until the gateway ends it, or somebody ends this. */
export async function tailDecisions(options: FilterOptions & { after?: string }): Promise<void> {
  const query = { ...filterOf(options), after: options.after }
  for await (const line of new Api(options, process.env).lines('/v1/decisions/tail', query)) {
    const event = parseExact(line)
    print(options.json === true ? jsonLine(event) : rowOf(event).map(padded).join('  ').trimEnd())
  }
}

const head = ['time', 'outcome', 'user', 'asks for', 'from', 'code', 'decision']
/** Of the columns above, where the rest of a table is yet to come. */
const widths = [20, 7, 12, 24, 22, 20, 36]
const padded = (cell: string, column: number): string => cell.padEnd(widths[column] ?? 0)

const rowOf = (event: unknown): string[] => [
  time(at(event, 'timestamp')),
  at(event, 'mapped_result', 'outcome') ?? '?',
  at(event, 'input', 'identity', 'username') ?? '-',
  `${at(event, 'input', 'target', 'login') ?? '-'}@${at(event, 'input', 'target', 'route') ?? '?'}`,
  at(event, 'requested_by') ?? '?',
  at(event, 'mapped_result', 'code') ?? '',
  at(event, 'decision_id') ?? '?',
]

function describe(event: unknown): string {
  const input = (...path: string[]): string | undefined => at(event, 'input', ...path)
  const certificate = (...path: string[]): string | undefined => at(event, 'mapped_result', 'certificate', ...path)
  const until = certificate('valid_before')
  return facts([
    ['decision', at(event, 'decision_id')],
    ['time', time(at(event, 'timestamp'))],
    ['outcome', [at(event, 'mapped_result', 'outcome'), at(event, 'mapped_result', 'code')].join(' ').trim()],
    ['reasons', at(event, 'result', 'reasons')],
    ['person', input('identity', 'username')],
    ['groups', input('identity', 'groups')],
    ['asks for', rowOf(event)[3]],
    ['labels', input('target', 'labels')],
    ['from', at(event, 'requested_by')],
    ['client', input('connection', 'client_version')],
    ['key', input('key', 'fingerprint')],
    ['policy', at(event, 'bundles', 'ssh', 'revision')],
    ['grant', at(event, 'result', 'grant')],
    ['error', at(event, 'error', 'message')],
    ['session', at(event, 'labels', 'session_id')],
    ['serial', certificate('serial')],
    ['key id', certificate('key_id')],
    ['principals', certificate('principals')],
    ['valid until', until === undefined ? undefined : time(Number(until))],
    ['options', certificate('critical_options')],
    ['extensions', certificate('extensions')],
  ])
}

function readCount(limit: string): number {
  if (/^[1-9]\d{0,5}$/.test(limit)) return Number(limit)
  throw new ApiFailure(2, '--limit must be a number from 1')
}

/** `8h` is eight hours ago. */
function instant(text: string | undefined): string | undefined {
  const ago = text === undefined ? undefined : parseDuration(text)
  return ago === undefined ? text : new Date(Date.now() - ago).toISOString()
}
