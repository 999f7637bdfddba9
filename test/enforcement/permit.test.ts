import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { permit } from '../../src/enforcement/permit.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import type { Ask } from '../../src/model/channel.ts'
import { byteStringOf } from '../../src/model/glob.ts'
import { aCertificate, at, type Change } from '../support/certificate.ts'

const exec = (command: string): Ask => ({ kind: 'exec', command: byteStringOf(command) })
const open = (host: string, port: number): Ask => ({ kind: 'direct-tcpip', host, port })
const listen = (host: string, port: number): Ask => ({ kind: 'tcpip-forward', host, port })
const socket = (path: string): Ask => ({ kind: 'direct-streamlocal', path: byteStringOf(path) })
const listenSocket = (path: string): Ask => ({ kind: 'streamlocal-forward', path: byteStringOf(path) })
const env = (name: string): Ask => ({ kind: 'env', name: byteStringOf(name) })
const subsystem = (name: string): Ask => ({ kind: 'subsystem', name: byteStringOf(name) })
const shell: Ask = { kind: 'shell' }
const everything: readonly Ask[] = [
  { kind: 'pty' },
  { kind: 'agent' },
  { kind: 'x11' },
  shell,
  exec('id'),
  subsystem('sftp'),
  env('FOO'),
  open('10.0.0.1', 22),
  listen('localhost', 8080),
  socket('/run/x'),
  listenSocket('/run/x'),
]

for (const ask of everything)
  test(`a blank certificate opens no ${ask.kind}`, () => {
    assert.equal(permit(aCertificate(), ask, at(1500)).permitted, false)
  })

const tcp = { 'permit-port-forwarding': '' } as const
const rows: [rule: string, change: Change, ask: Ask, now: number, permitted: boolean, field: string][] = [
  // Validity
  ['the first second counts', { extensions: { 'permit-pty': '' } }, { kind: 'pty' }, 1000, true, 'permit-pty'],
  ['the second before does not', { extensions: { 'permit-pty': '' } }, { kind: 'pty' }, 999, false, 'validity'],
  ['validBefore itself is too late', { extensions: { 'permit-pty': '' } }, { kind: 'pty' }, 2000, false, 'validity'],
  [
    'a forced command does not outlive its certificate',
    { criticalOptions: { 'force-command': 'id' } },
    shell,
    2000,
    false,
    'validity',
  ],
  // Forced command
  [
    'a forced command opens the shell, to itself',
    { criticalOptions: { 'force-command': 'id' } },
    shell,
    1500,
    true,
    'force-command',
  ],
  ['and exec', { criticalOptions: { 'force-command': 'id' } }, exec('rm -rf /'), 1500, true, 'force-command'],
  ['and subsystems', { criticalOptions: { 'force-command': 'id' } }, subsystem('sftp'), 1500, true, 'force-command'],
  ['but no terminal', { criticalOptions: { 'force-command': 'id' } }, { kind: 'pty' }, 1500, false, 'permit-pty'],
  [
    'and no forward',
    { criticalOptions: { 'force-command': 'id' } },
    open('h', 1),
    1500,
    false,
    'permit-port-forwarding',
  ],
  // Flags
  ['permit-pty opens the terminal', { extensions: { 'permit-pty': '' } }, { kind: 'pty' }, 1500, true, 'permit-pty'],
  ['but no shell', { extensions: { 'permit-pty': '' } }, shell, 1500, false, 'permit-shell@regate'],
  [
    'permit-shell opens the shell',
    { extensions: { 'permit-shell@regate': '' } },
    shell,
    1500,
    true,
    'permit-shell@regate',
  ],
  ['but no exec', { extensions: { 'permit-shell@regate': '' } }, exec('id'), 1500, false, 'permit-exec@regate'],
  [
    'permit-agent-forwarding opens the agent',
    { extensions: { 'permit-agent-forwarding': '' } },
    { kind: 'agent' },
    1500,
    true,
    'permit-agent-forwarding',
  ],
  [
    'permit-X11-forwarding opens X11',
    { extensions: { 'permit-X11-forwarding': '' } },
    { kind: 'x11' },
    1500,
    true,
    'permit-X11-forwarding',
  ],
  // TCP forwards
  [
    'bare permit-port-forwarding opens any destination',
    { extensions: tcp },
    open('10.0.0.1', 22),
    1500,
    true,
    'permit-port-forwarding',
  ],
  ['and any listener', { extensions: tcp }, listen('0.0.0.0', 1), 1500, true, 'permit-port-forwarding'],
  [
    'permit-open names destinations',
    { extensions: { ...tcp, 'permit-open@regate': ['10.0.0.1:22'] } },
    open('10.0.0.1', 22),
    1500,
    true,
    'permit-open@regate',
  ],
  [
    'another port is not named',
    { extensions: { ...tcp, 'permit-open@regate': ['10.0.0.1:22'] } },
    open('10.0.0.1', 23),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'permit-open alone closes listeners',
    { extensions: { ...tcp, 'permit-open@regate': ['*:*'] } },
    listen('localhost', 80),
    1500,
    false,
    'permit-listen@regate',
  ],
  [
    'permit-listen alone closes destinations',
    { extensions: { ...tcp, 'permit-listen@regate': ['8080'] } },
    open('h', 80),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'an empty list opens nothing',
    { extensions: { ...tcp, 'permit-open@regate': [] } },
    open('h', 80),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'permit-open without permit-port-forwarding opens nothing',
    { extensions: { 'permit-open@regate': ['*:*'] } },
    open('h', 80),
    1500,
    false,
    'permit-port-forwarding',
  ],
  [
    'a mapped address is the IPv4 address',
    { extensions: { ...tcp, 'permit-open@regate': ['10.0.0.1:22'] } },
    open('::ffff:10.0.0.1', 22),
    1500,
    true,
    'permit-open@regate',
  ],
  [
    'a name is not held against an IP rule',
    { extensions: { ...tcp, 'permit-open@regate': ['0.0.0.0/0:*'] } },
    open('127.0.0.1.nip.io', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'nor is an address in another notation',
    { extensions: { ...tcp, 'permit-open@regate': ['127.0.0.0/8:*'] } },
    open('0x7f.1', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'nor one in decimal',
    { extensions: { ...tcp, 'permit-open@regate': ['127.0.0.0/8:*'] } },
    open('2130706433', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'a suffix is not the name itself',
    { extensions: { ...tcp, 'permit-open@regate': ['*.x.io:22'] } },
    open('x.io', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'nor another name that ends alike',
    { extensions: { ...tcp, 'permit-open@regate': ['*.x.io:22'] } },
    open('evilx.io', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'nor the zone of an address',
    { extensions: { ...tcp, 'permit-open@regate': ['*.x.io:22'] } },
    open('fe80::1%a.x.io', 22),
    1500,
    false,
    'permit-open@regate',
  ],
  [
    'names are compared without case',
    { extensions: { ...tcp, 'permit-open@regate': ['*.X.io:22'] } },
    open('A.x.IO', 22),
    1500,
    true,
    'permit-open@regate',
  ],
  [
    'a bare port listens on any address',
    { extensions: { ...tcp, 'permit-listen@regate': ['8080'] } },
    listen('', 8080),
    1500,
    true,
    'permit-listen@regate',
  ],
  [
    'port 0 is named by a range that holds it',
    { extensions: { ...tcp, 'permit-listen@regate': ['localhost:0'] } },
    listen('localhost', 0),
    1500,
    true,
    'permit-listen@regate',
  ],
  [
    'and by no other',
    { extensions: { ...tcp, 'permit-listen@regate': ['localhost:1-65535'] } },
    listen('localhost', 0),
    1500,
    false,
    'permit-listen@regate',
  ],
  // Sockets
  [
    'permit-port-forwarding opens no socket',
    { extensions: tcp },
    socket('/run/x'),
    1500,
    false,
    'permit-socket@regate',
  ],
  [
    'a star stops at a slash',
    { extensions: { ...tcp, 'permit-socket@regate': { open: ['/run/*'] } } },
    socket('/run/a/b'),
    1500,
    false,
    'permit-socket@regate',
  ],
  [
    'two do not',
    { extensions: { ...tcp, 'permit-socket@regate': { open: ['/run/**'] } } },
    socket('/run/a/b'),
    1500,
    true,
    'permit-socket@regate',
  ],
  [
    'a step upward matches no star',
    { extensions: { ...tcp, 'permit-socket@regate': { open: ['/run/**'] } } },
    socket('/run/../etc/x'),
    1500,
    false,
    'permit-socket@regate',
  ],
  [
    'to open is not to listen',
    { extensions: { ...tcp, 'permit-socket@regate': { open: ['/run/*'] } } },
    listenSocket('/run/a'),
    1500,
    false,
    'permit-socket@regate',
  ],
  [
    'a relative path is none',
    { extensions: { ...tcp, 'permit-socket@regate': { open: ['/**'] } } },
    socket('run/a'),
    1500,
    false,
    'permit-socket@regate',
  ],
  [
    'sockets want permit-port-forwarding too, as sshd does',
    { extensions: { 'permit-socket@regate': { open: ['/**'] } } },
    socket('/a'),
    1500,
    false,
    'permit-port-forwarding',
  ],
  // Programs
  ['any command', { extensions: { 'permit-exec@regate': ['*'] } }, exec('a; b'), 1500, true, 'permit-exec@regate'],
  [
    'one that is named',
    { extensions: { 'permit-exec@regate': ['uptime', 'ls *'] } },
    exec('ls /tmp'),
    1500,
    true,
    'permit-exec@regate',
  ],
  [
    'none that is not',
    { extensions: { 'permit-exec@regate': ['uptime'] } },
    exec('uptime;id'),
    1500,
    false,
    'permit-exec@regate',
  ],
  [
    'a subsystem by name',
    { extensions: { 'permit-subsystem@regate': ['sftp'] } },
    subsystem('sftp'),
    1500,
    true,
    'permit-subsystem@regate',
  ],
  [
    'and only by its whole name',
    { extensions: { 'permit-subsystem@regate': ['sftp'] } },
    subsystem('sftp2'),
    1500,
    false,
    'permit-subsystem@regate',
  ],
  // Environment
  ['LANG passes by default', {}, env('LANG'), 1500, true, 'permit-env@regate'],
  ['and LC_ anything', {}, env('LC_ALL'), 1500, true, 'permit-env@regate'],
  ['LD_PRELOAD does not', {}, env('LD_PRELOAD'), 1500, false, 'permit-env@regate'],
  [
    'a list takes the default’s place',
    { extensions: { 'permit-env@regate': ['FOO*'] } },
    env('LANG'),
    1500,
    false,
    'permit-env@regate',
  ],
  [
    'and names its own',
    { extensions: { 'permit-env@regate': ['FOO*'] } },
    env('FOOBAR'),
    1500,
    true,
    'permit-env@regate',
  ],
  // Sessions
  ['ten sessions by default', {}, { kind: 'session', openSessions: 9 }, 1500, true, 'max-sessions@regate'],
  ['not eleven', {}, { kind: 'session', openSessions: 10 }, 1500, false, 'max-sessions@regate'],
  [
    'as many as the certificate says',
    { extensions: { 'max-sessions@regate': 1 } },
    { kind: 'session', openSessions: 1 },
    1500,
    false,
    'max-sessions@regate',
  ],
]
for (const [rule, change, ask, now, permitted, field] of rows)
  test(rule, () => {
    const verdict = permit(aCertificate(change), ask, at(now))
    assert.deepEqual({ permitted: verdict.permitted, field: verdict.field }, { permitted, field })
  })

const wide: Change = {
  extensions: {
    'permit-port-forwarding': '',
    'permit-socket@regate': { open: ['/**'], listen: ['/**'] },
    'permit-exec@regate': ['echo *'],
    'permit-subsystem@regate': ['sftp'],
    'permit-env@regate': ['*'],
  },
}
const long = (length: number): string => 'a'.repeat(length)
const bounds: [rule: string, ask: Ask, permitted: boolean, because?: string][] = [
  ['a variable of 256 bytes', env(long(256)), true],
  ['and no longer', env(long(257)), false, 'the name has more than 256 bytes'],
  ['a socket of 108 bytes', socket(`/${long(107)}`), true],
  ['and no longer', socket(`/${long(108)}`), false, 'the path has more than 108 bytes'],
  ['nor to listen on', listenSocket(`/${long(108)}`), false, 'the path has more than 108 bytes'],
  ['a host of 255 bytes', open(long(255), 22), true],
  ['and no longer', open(long(256), 22), false, 'the host has more than 255 bytes'],
  ['nor to listen on', listen(long(256), 22), false, 'the host has more than 255 bytes'],
  ['a subsystem of no more than 64 bytes', subsystem(long(65)), false, 'the name has more than 64 bytes'],
  ['a command of 16 KiB', exec(`echo ${long(16_379)}`), true],
  ['and no longer', exec(`echo ${long(16_380)}`), false, 'names no such command'],
  ['an address of IPv6', open('2001:db8::1', 22), true],
  ['one with its zone', open('fe80::1%eth0', 22), true],
  ['no zone that is none', open('fe80::1%', 22), false, 'what it names is no host'],
  ['no zone behind a name', open('localhost%lo', 22), false, 'what it names is no host'],
  ['no destination without a host', open('', 22), false, 'what it names is no host'],
  ['no star to go to', open('*', 22), false, 'what it names is no host'],
  ['nothing that a resolver could take for more', open('a b', 22), false, 'what it names is no host'],
  ['nor brackets', open('[::1]', 22), false, 'what it names is no host'],
  ['nor a newline at its end', open('localhost\n', 22), false, 'what it names is no host'],
  ['all addresses to listen on', listen('', 22), true],
  ['also by their star', listen('*', 22), true],
  ['and no other pattern', listen('10.*', 22), false, 'what it names is no host'],
]
for (const [rule, ask, permitted, because] of bounds)
  test(`bounds: ${rule}`, () => {
    const verdict = permit(aCertificate(wide), ask, at(1500))
    assert.equal(verdict.permitted, permitted)
    assert.equal(verdict.permitted ? undefined : verdict.because, because)
  })

test('what is out of bounds is refused under a forced command too', () => {
  const forced = aCertificate({ criticalOptions: { 'force-command': 'id' } })
  assert.equal(permit(forced, subsystem(long(65)), at(1500)).permitted, false)
})

const allExtensions: Extensions = {
  'permit-pty': '',
  'permit-agent-forwarding': '',
  'permit-X11-forwarding': '',
  'permit-port-forwarding': '',
  'permit-socket@regate': { open: ['/**'], listen: ['/**'] },
  'permit-shell@regate': '',
  'permit-exec@regate': ['*'],
  'permit-subsystem@regate': ['sftp'],
}

test('fewer flags never permit more', () => {
  const names = Object.keys(allExtensions)
  fc.assert(
    fc.property(fc.subarray(names), fc.subarray(names), fc.constantFrom(...everything), (some, fewer, ask) => {
      const wide = Object.fromEntries(Object.entries(allExtensions).filter(([name]) => some.includes(name)))
      const narrow = Object.fromEntries(Object.entries(wide).filter(([name]) => fewer.includes(name)))
      const before = permit(aCertificate({ extensions: wide }), ask, at(1500)).permitted
      const after = permit(aCertificate({ extensions: narrow }), ask, at(1500)).permitted
      assert.ok(before || !after)
    }),
  )
})
