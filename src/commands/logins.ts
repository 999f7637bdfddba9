import { time } from '../model/lines.ts'
import { Api, type ApiOptions } from './api.ts'
import { at, jsonLine, print, table } from './print.ts'

const listMost = 10_000

export async function listLogins(options: ApiOptions & { json?: boolean }): Promise<void> {
  const rows: string[][] = []
  for await (const login of new Api(options, process.env).list('logins', {}, listMost))
    if (options.json === true) print(jsonLine(login))
    else rows.push(rowOf(login))
  if (options.json !== true) print(table(['signed in', 'ends', 'user', 'network', 'key', 'login'], rows))
}

export async function revokeLogin(id: string, options: ApiOptions): Promise<void> {
  await new Api(options, process.env).delete(`/v1/logins/${encodeURIComponent(id)}`)
}

const rowOf = (login: unknown): string[] => [
  time(Number(at(login, 'created_at'))),
  time(Number(at(login, 'expires_at'))),
  at(login, 'person', 'username') ?? '?',
  at(login, 'network') ?? '?',
  at(login, 'key') ?? '?',
  at(login, 'id') ?? '?',
]
