import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/process.ts'
import { startWorld } from '../support/world.ts'

/* What docs/hosts.md says of hosts, held against a real sshd. */
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'hosts.md'), 'utf8')
const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Of a page's line, in which `…` stands for anything, and example values for others of their kind. */
const pattern = (line: string): RegExp =>
  new RegExp(
    `^${escaped(line.trim())
      .replaceAll('…', '.*')
      .replaceAll('alice/0bd6.*-.*', 'alice[@.a-z]*/[0-9a-f-]{36}')
      .replaceAll('15064440699893014318', '\\d+')
      .replaceAll(escaped('10.0.0.5 port 52640'), '127\\.0\\.0\\.1 port \\d+')
      .replaceAll(escaped('/etc/ssh/regate_ca.pub'), '/.+\\.pub')}`,
  )

test('sshd logs what the page says it logs', async () => {
  await using world = await startWorld({ certificates })
  assert.equal((await world.ssh('db1', ['echo in'])).stdout, 'in\n')
  const [, section = ''] = /^## What sshd logs$([\s\S]*?)^## /m.exec(page) ?? []
  const lines = section.split('\n').filter((line) => line.startsWith('    '))
  assert.equal(lines.length, 3)
  for (const line of lines) await world.sshd.process.line(pattern(line))
})

test('sshd takes the settings that the page has, but for those of later versions', async () => {
  await using world = await startWorld({ certificates })
  const settings = [
    'MaxStartups 100:30:300',
    'AcceptEnv LANG LC_* COLORTERM',
    'LogLevel VERBOSE',
    'AuthorizedKeysFile none',
  ]
  for (const setting of settings) assert.ok(page.includes(setting), setting)
  const config = `${settings.join('\n')}\n${world.workspace.read('sshd-config')}`
  const done = await run('/usr/sbin/sshd', ['-t', '-f', world.workspace.write('other-config', config)])
  assert.deepEqual([done.code, done.stderr], [0, ''])
})

const lines: [rule: string, line: (ca: string) => string, out: string][] = [
  [
    'options of a cert-authority line with the gateway’s key apply',
    (ca) => `cert-authority,restrict,command="echo forced" ${ca}`,
    'forced\n',
  ],
  ['those of a line for the same key as a plain one do not', (ca) => `restrict,command="echo forced" ${ca}`, 'in\n'],
]
for (const [rule, line, out] of lines)
  test(`authorized_keys: ${rule}`, async () => {
    await using world = await startWorld({
      certificates,
      sshd: (workspace) => [`AuthorizedKeysFile ${workspace.path('authorized_keys')}`],
      config({ workspace }) {
        writeFileSync(workspace.path('authorized_keys'), line(workspace.read('sshd-ca.pub')))
        return {}
      },
    })
    assert.equal((await world.ssh('db1', ['echo in'])).stdout, out)
  })

test('the table has every option that sshd knows', () => {
  const [, table = ''] = /^## Coming from authorized_keys$([\s\S]*)/m.exec(page) ?? []
  for (const option of options) assert.match(table, new RegExp(`\`${option}(=[^\`]*)?\``), option)
})
/** sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
const options = [
  'agent-forwarding',
  'cert-authority',
  'command',
  'environment',
  'expiry-time',
  'from',
  'no-agent-forwarding',
  'no-port-forwarding',
  'no-pty',
  'no-user-rc',
  'no-X11-forwarding',
  'permitlisten',
  'permitopen',
  'port-forwarding',
  'principals',
  'pty',
  'no-touch-required',
  'verify-required',
  'restrict',
  'tunnel',
  'user-rc',
  'X11-forwarding',
]
