import { time } from '../model/lines.ts'
import { Api, type ApiOptions } from './api.ts'
import { at, facts, jsonLine, print, table } from './print.ts'

export interface SessionOptions extends ApiOptions {
  readonly json?: boolean
}

/** Lists are as long as they are live; of those that ended the latest so many. */
const listMost = 10_000
const endedMost = 50

export async function listSessions(options: SessionOptions & { ended?: boolean }): Promise<void> {
  const api = new Api(options, process.env)
  const ended = options.ended === true
  const rows: string[][] = []
  for await (const session of api.list('sessions', ended ? { state: 'ended' } : {}, ended ? endedMost : listMost))
    if (options.json === true) print(jsonLine(session))
    else rows.push([...rowOf(session), ...(ended ? [at(session, 'end', 'code') ?? '?'] : [])])
  if (options.json !== true) print(table(ended ? [...head, 'why'] : head, rows))
}

export async function showSession(id: string, options: SessionOptions): Promise<void> {
  const session = await new Api(options, process.env).get(`/v1/sessions/${encodeURIComponent(id)}`)
  if (options.json === true) return print(jsonLine(session))
  const { events } = session as { events?: unknown }
  print(describe(session))
  if (Array.isArray(events) && events.length > 0) print(`\n${table(['time', 'event', ''], events.map(eventRow))}`)
}

export async function endSession(id: string, options: ApiOptions): Promise<void> {
  await new Api(options, process.env).delete(`/v1/sessions/${encodeURIComponent(id)}`)
}

const head = ['began', 'user', 'on', 'from', 'bytes out', 'bytes in', 'session']
const rowOf = (session: unknown): string[] => [
  time(Number(at(session, 'started_at'))),
  at(session, 'person', 'username') ?? '?',
  `${at(session, 'login')}@${at(session, 'route')}`,
  `${at(session, 'source', 'ip')}`,
  at(session, 'bytes', 'to_client') ?? '?',
  at(session, 'bytes', 'to_target') ?? '?',
  at(session, 'id') ?? '?',
]

function describe(session: unknown): string {
  const ended = at(session, 'ended_at')
  return facts([
    ['session', at(session, 'id')],
    ['state', at(session, 'state')],
    ['person', at(session, 'person', 'username')],
    ['on', rowOf(session)[2]],
    ['from', `${at(session, 'source', 'ip')} port ${at(session, 'source', 'port')}`],
    ['began', time(Number(at(session, 'started_at')))],
    ['ended', ended === undefined ? undefined : time(Number(ended))],
    ['why', ended === undefined ? undefined : `${at(session, 'end', 'message')} (${at(session, 'end', 'code')})`],
    ['bytes', `${at(session, 'bytes', 'to_client')} to the client, ${at(session, 'bytes', 'to_target')} to the target`],
    ['serial', at(session, 'certificate', 'serial')],
    ['valid until', time(Number(at(session, 'certificate', 'valid_before')))],
    ['decision', at(session, 'decision_id')],
    ['login', at(session, 'login_id')],
  ])
}

function eventRow(event: unknown): string[] {
  const { timestamp, kind, ...rest } = event as Record<string, unknown>
  const told = Object.entries(rest).map(([name, value]) =>
    name === 'what' || name === 'because' ? String(value) : `${name} ${at(rest, name)}`,
  )
  return [time(timestamp), String(kind), told.join(', ')]
}
