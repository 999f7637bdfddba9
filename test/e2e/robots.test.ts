import assert from 'node:assert/strict'
import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, start } from '../support/process.ts'
import type { Workspace } from '../support/workspace.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * Who has a key that needs no browser, and whose names and keys are whose: real ssh, a real file of keys, a provider of
 * people beside it.
 */
const regate = join(import.meta.dirname, '..', '..', 'bin', 'regate')
const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const batch = ['-o', 'BatchMode=yes']

const publicKey = (workspace: Workspace, name: string): string =>
  workspace.read(`${name}.pub`).split(' ').slice(0, 2).join(' ')

const robotNames = ['ci', 'late', 'inside', 'outside', 'spare']
/** A line for each of the keys that exist from the start. */
function usualLines(workspace: Workspace): string[] {
  const key = (name: string): string => publicKey(workspace, name)
  return [
    '# the robots of the tests',
    `username="ci",groups="deploy,web" ${key('ci')} runner 3`,
    `username="late",expiry-time="20240101Z" ${key('late')}`,
    `username="inside",from="127.0.0.0/8,!127.0.9.*",expiry-time="20991231Z" ${key('inside')}`,
    `username="outside",from="192.0.2.0/24" ${key('outside')}`,
    `username="bob@example.com" ${key('bobs-robot')}`,
  ]
}
/** Replaced as a whole, as an editor does. */
function writeRobots(workspace: Workspace, lines: readonly string[]): void {
  writeFileSync(workspace.path('robots.new'), `${lines.join('\n')}\n`, { mode: 0o644 })
  renameSync(workspace.path('robots.new'), workspace.path('robots.keys'))
}
const startRobots = (): Promise<World> =>
  startWorld({
    certificates,
    config: ({ workspace }) => {
      for (const name of [...robotNames, 'bobs-robot']) workspace.key(name)
      writeRobots(workspace, usualLines(workspace))
      return { identity: { keys: 'robots.keys' }, gateway: { default_route: 'db1' } }
    },
  })

let world: World
before(async () => {
  world = await startRobots()
})
after(() => world[Symbol.asyncDispose]())

/** The first line of the log after so many that has all the parts. */
async function lineAfter(known: World, before: number, ...parts: readonly string[]): Promise<string> {
  for (;;) {
    const found = known.gateway.lines.slice(before).find((line) => parts.every((part) => line.includes(part)))
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a robot needs no browser: the same decision, certificate and log', async () => {
  const done = await world.ssh('db1', ['cat $SSH_USER_AUTH'], { key: 'ci', options: batch })
  assert.equal(done.code, 0, done.stderr)
  assert.equal(done.stderr, '')
  const [event] = await world.events()
  assert.ok(event)
  const { identity } = event.input as { identity: Record<string, unknown> }
  const { login, subject, ...rest } = identity as { login: { at: number }; subject: string }
  const shown = await run('ssh-keygen', ['-l', '-f', world.workspace.path('ci.pub')])
  assert.equal(subject, shown.stdout.split(' ')[1])
  assert.deepEqual(rest, {
    issuer: 'keys',
    username: 'ci',
    groups: ['deploy', 'web'],
    expires_at: 253_402_300_799,
    kind: 'robot',
    claims: {},
  })
  assert.deepEqual({ ...login, at: 0 }, { at: 0, flow: 'keys', ssh_source_ip: '127.0.0.1' })
  assert.match(event.mapped_result.certificate?.key_id ?? '', /^ci\/[0-9a-f-]{36}$/)
  assert.equal(done.stdout.trim().split(' ')[2], event.mapped_result.certificate?.signed)
})

const rows: [rule: string, key: string, options: string[], says: RegExp | undefined][] = [
  ['a key whose time is over', 'late', [], /regate: this key has expired \(ROBOT_EXPIRED\)/],
  ['a key from where it may come', 'inside', [], undefined],
  [
    'a key from what is left out',
    'inside',
    ['-o', 'BindAddress=127.0.9.1'],
    /may not be used from here \(ROBOT_SOURCE\)/,
  ],
  ['a key from another network', 'outside', [], /regate: this key may not be used from here \(ROBOT_SOURCE\)/],
]
for (const [rule, key, options, says] of rows)
  test(`${says === undefined ? 'let in' : 'refused, and nobody asked to sign in'}: ${rule}`, async () => {
    const done = await world.ssh('db1', ['echo in'], { key, options: [...options] })
    assert.equal(done.stdout, says === undefined ? 'in\n' : '', done.stderr)
    assert.match(done.stderr, says ?? /^$/)
    assert.doesNotMatch(done.stderr, /Code {3}/)
  })

test('a person whose name is a robot’s is refused, and the log says who', async () => {
  world.workspace.key('bobs-own')
  const before = world.gateway.lines.length
  const done = await world.ssh('db1', ['true'], { key: 'bobs-own', who: 'bob' })
  assert.equal(done.code, 255)
  assert.match(done.stderr, /your user name is kept for a machine here.*\(USERNAME_OF_ROBOT\)/)
  await lineAfter(world, before, '"level":40', '"code":"USERNAME_OF_ROBOT"', '"username":"bob@example.com"')
  const again = await world.ssh('db1', ['true'], { key: 'bobs-own', options: batch })
  assert.equal(again.code, 255, 'a login was kept')
})

test('the file is read again when it changes, and a bad one changes nothing', async () => {
  await using other = await startRobots()
  const { workspace } = other
  const enter = async (key: string): Promise<boolean> =>
    (await other.ssh('db1', ['true'], { key, options: batch })).code === 0
  assert.deepEqual([await enter('ci'), await enter('spare')], [true, false])
  await using live = start('ssh', [
    '-F',
    other.config,
    '-i',
    workspace.path('ci'),
    '-l',
    'postgres@db1',
    'db1',
    'echo in; cat',
  ])
  await live.line(/^in$/)

  writeRobots(workspace, [`username="spare" ${publicKey(workspace, 'spare')}`])
  await other.gateway.line(
    /"changed":\["ci","late","inside","outside","bob@example\.com"\].*the robots’ keys were read again/,
  )
  assert.deepEqual([await enter('ci'), await enter('spare')], [false, true])
  assert.equal(await live.ended(), 255) // who is taken out is cut at once
  assert.ok(
    live.lines.some((line) => line.includes('LOGIN_REVOKED')),
    live.lines.join('\n'),
  )

  writeRobots(workspace, [`username="spare" ${publicKey(workspace, 'ci')}`, 'nonsense', ' username="x y" ssh-rsa AAAA'])
  const line = await other.gateway.line(/the robots’ keys have changed and cannot be used: those before stay/)
  assert.match(line, /robots\.keys:2: option nonsense is not known.*robots\.keys:3: .*robots\.keys:3: username is none/)
  assert.deepEqual([await enter('ci'), await enter('spare')], [false, true])
})

test('a key that is a robot’s and a person’s login is refused with both names, at change and at start', async () => {
  await using other = await startRobots()
  const { workspace } = other
  assert.equal((await other.ssh('db1', ['true'])).code, 0) // alice, with her key
  writeRobots(workspace, [
    `username="ci" ${publicKey(workspace, 'ci')}`,
    `username="cd" ${publicKey(workspace, 'alice')}`,
  ])
  const both = /robots\.keys:2: the key of cd is the login of alice@example\.com as well: whose is it\?/
  const told = await other.gateway.line(/the key of cd is the login of alice@example\.com as well/)
  assert.match(told, /"code":"KEY_OF_ROBOT".*robots\.keys:2/)
  assert.equal((await other.ssh('db1', ['true'], { options: batch })).code, 0, 'alice is alice still')
  writeRobots(workspace, [`username="cd" ${publicKey(workspace, 'alice')}`])
  await other.gateway.line(/"robots":0,"changed":\["ci"\].*read again/)
  const gone = await other.ssh('db1', ['true'], { key: 'ci', options: batch })
  assert.equal(gone.code, 255, 'the lines that are gone take hold all the same')
  writeRobots(workspace, [
    `username="ci" ${publicKey(workspace, 'ci')}`,
    `username="cd" ${publicKey(workspace, 'alice')}`,
  ])

  const config = ['--config', workspace.path('regate.yaml')]
  const checked = await run(regate, ['check', ...config])
  assert.equal(checked.code, 1)
  assert.match(checked.stdout, new RegExp(`^FAILED {2}robots: .*${both.source}$`, 'm'))
  await other.gateway.stop()
  const started = await run(regate, ['serve', ...config])
  assert.equal(started.code, 2)
  assert.match(started.stderr, both)
})

test('every fault of the file is told at start, which ends with 2, and in check', async () => {
  await using other = await startRobots()
  const { workspace } = other
  await other.gateway.stop()
  const ci = publicKey(workspace, 'ci')
  writeRobots(workspace, [ci, `username="ci",shell="no" ${ci}`, `username="a",from="a.example.com" ${ci}`, 'x'])
  const faults = [
    /robots\.keys:1: username="…" is missing/,
    /robots\.keys:2: option shell is not known; known here: username, groups, expiry-time, from/,
    /robots\.keys:3: from: "a\.example\.com" is no address/,
    /robots\.keys:4: option x is not known/,
    /robots\.keys:4: no key where one should be/,
  ]
  const config = ['--config', workspace.path('regate.yaml')]
  const started = await run(regate, ['serve', ...config])
  const checked = await run(regate, ['check', ...config])
  assert.deepEqual([started.code, checked.code], [2, 1])
  for (const fault of faults) {
    assert.match(started.stderr, fault)
    assert.match(checked.stdout, fault)
  }
  writeRobots(workspace, usualLines(workspace))
  assert.match((await run(regate, ['check', ...config])).stdout, /^ok {6}robots: 5 of them in .*robots\.keys$/m)
})

const files: [rule: string, spoil: (workspace: Workspace) => void, says: RegExp][] = [
  [
    'that is not there',
    (workspace) => renameSync(workspace.path('robots.keys'), workspace.path('moved')),
    /there is no such file/,
  ],
  [
    'that others may write',
    (workspace) => chmodSync(workspace.path('robots.keys'), 0o666),
    /is open to others \(mode 0666\): chmod go-w it/,
  ],
]
for (const [rule, spoil, says] of files)
  test(`a file of robots ${rule} stops the start`, async () => {
    await using other = await startRobots()
    await other.gateway.stop()
    spoil(other.workspace)
    const started = await run(regate, ['serve', '--config', other.workspace.path('regate.yaml')])
    assert.deepEqual([started.code, says.test(started.stderr)], [2, true], started.stderr)
  })

// Whose a name is, and whose a key

test('a name stays with the person who had it first, and the log names both', async () => {
  await using other = await startWorld({ certificates })
  assert.equal((await other.ssh('db1', ['true'])).code, 0)
  other.workspace.key('mallory')
  const done = await other.ssh('db1', ['true'], { key: 'mallory', who: 'mallory' })
  assert.equal(done.code, 255)
  assert.match(done.stderr, /your user name belongs to another person here.*\(USERNAME_TAKEN\)/)
  const line = JSON.parse(await other.gateway.line(/"code":"USERNAME_TAKEN"/)) as Record<string, unknown>
  const { level, username, subject, holder } = line as { subject: string; holder: { subject: string } } & typeof line
  assert.deepEqual([level, username, subject === holder.subject], [40, 'alice@example.com', false])
})

test('another person’s sign-in with the same key takes the place of the first, and the log names both', async () => {
  await using other = await startWorld({ certificates })
  const elsewhere = ['-o', 'BindAddress=127.0.9.1']
  const enter = async (...options: string[]): Promise<boolean> =>
    (await other.ssh('db1', ['true'], { options: [...batch, ...options] })).code === 0
  assert.equal((await other.ssh('db1', ['true'])).code, 0)
  assert.equal((await other.ssh('db1', ['true'], { who: 'bob', options: elsewhere })).code, 0)
  assert.deepEqual([await enter(), await enter(...elsewhere)], [false, true])
  const line = await other.gateway.line(/"code":"KEY_SHARED"/)
  assert.match(
    line,
    /"level":40.*"key":"SHA256:[^"]+","username":"bob@example\.com","replaced":\["alice@example\.com"\]/,
  )
})

// The default route

const names: [rule: string, login: string, out: string | undefined, says: RegExp][] = [
  ['a login alone goes there', 'postgres', 'in\n', /^$/],
  ['a login with its route as before', 'postgres@db1', 'in\n', /^$/],
  ['regate leads to the gateway itself', 'regate', undefined, /echo: no command of the gateway/],
  ['a route alone is none', '@db1', undefined, /NAME_GRAMMAR/],
]
for (const [rule, login, out, says] of names)
  test(`a default route: ${rule}`, async () => {
    const options = ['-F', world.config, '-i', world.workspace.path('ci'), ...batch, '-l', login]
    const done = await run('ssh', [...options, 'gateway', 'echo in'])
    assert.equal(done.code === 0 ? done.stdout : undefined, out, done.stderr)
    assert.match(done.stderr, says)
  })
test('a default route that no route has the name of stops the start', async () => {
  const text = world.workspace.read('regate.yaml').replace('default_route: db1', 'default_route: db2')
  const done = await run(regate, ['check', '--config', world.workspace.write('other.yaml', text)])
  assert.equal(done.code, 2)
  assert.match(done.stderr, /gateway\.default_route: no route is called db2/)
})
