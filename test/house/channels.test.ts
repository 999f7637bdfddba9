import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { permit } from '../../src/enforcement/permit.ts'
import * as requests from '../../src/gateway/requests.ts'
import { type Part, wire } from '../../src/model/wire.ts'
import { aCertificate, at } from '../support/certificate.ts'

/*
 * docs/channels.md shows the tables of what passes on a connection: each message, who may send it, and the field of the
 * certificate that opens it, as the gateway itself would name it.
 */
const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'channels.md'), 'utf8')

const forward: readonly Part[] = ['localhost', { uint32: 80 }, '127.0.0.1', { uint32: 9 }]
const listener: readonly Part[] = ['localhost', { uint32: 80 }]
const details: Readonly<Record<string, readonly Part[]>> = {
  'direct-tcpip': forward,
  'tcpip-forward': listener,
  'cancel-tcpip-forward': listener,
}
const words = {
  pass: 'nothing is needed',
  keep: 'goes no further',
  never: 'never',
  awaited: 'what the client was granted',
}

function rows(what: string, from: string, table: Readonly<Record<string, requests.Row<never>>>): string[] {
  return Object.entries(table).map(([name, row]) => {
    const message = { name, wantReply: true, openSessions: 0, details: wire(...(details[name] ?? ['x'])) }
    const ask = row.ask(message as never)
    const opens = typeof ask === 'string' ? words[ask] : `\`${permit(aCertificate(), ask, at(1500)).field}\``
    return `| ${what} \`${name}\` | ${from} | ${opens} |`
  })
}

test('every message stands in docs/channels.md with who may send it and what opens it, and no other', () => {
  const known = [
    ...rows('channel', 'client', requests.clientOpens),
    ...rows('channel', 'target', requests.targetOpens),
    ...rows('request on a channel', 'client', requests.clientRequests),
    ...rows('request on a channel', 'target', requests.targetRequests),
    ...rows('request on the connection', 'client', requests.clientGlobals),
    ...rows('request on the connection', 'target', requests.targetGlobals),
  ]
  assert.ok(known.length > 30)
  const written = [...text.matchAll(/^\| (?:channel|request on [a-z ]+) `.*$/gm)].map(([row]) => row)
  assert.deepEqual(written, known)
})
