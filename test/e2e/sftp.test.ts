import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, beforeEach, test } from 'node:test'
import type { Extensions } from '../../src/model/certificate.ts'
import { type Finished, run } from '../support/process.ts'
import { until } from '../support/workers.ts'
import { allow, api, startWorld, type World } from '../support/world.ts'

/*
 * What a certificate says of sftp, with the stock sftp and scp through the gateway to the sftp-server of a real sshd, which
 * would allow all of it.
 */
type Value = NonNullable<Extensions['permit-sftp@regate']>
const certificate = (value: Value) => ({ ttl: 300, extensions: { 'permit-sftp@regate': value } })

let world: World
let home: string
before(async () => {
  world = await startWorld({
    certificates: { read: certificate('read'), write: certificate('write') },
    config: ({ sshd }) => {
      home = sshd.home
      const value = { read: [`${home}/out/**`, `${home}/both/*`], write: [`${home}/in/**`, `${home}/both/*`] }
      const labels = { decision: JSON.stringify(allow(certificate(value))) }
      return { routes: [{ name: 'paths', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey], labels }] }
    },
  })
  await world.ssh('read', ['-s', 'sftp']) // one sign-in for the whole file
})
after(() => world[Symbol.asyncDispose]())

const big = randomBytes(3_000_000)
function lay(): void {
  for (const name of ['out', 'in', 'both', 'secret']) rmSync(`${home}/${name}`, { recursive: true, force: true })
  for (const name of ['out/deep', 'in', 'both', 'secret']) mkdirSync(`${home}/${name}`, { recursive: true })
  for (const name of ['out/file', 'out/deep/file', 'in/file', 'both/file', 'secret/file'])
    writeFileSync(`${home}/${name}`, name)
  writeFileSync(`${home}/out/big`, big)
  writeFileSync(world.workspace.path('mine'), big)
  for (const name of ['got', 'deep']) rmSync(world.workspace.path(name), { recursive: true, force: true })
  symlinkSync(`${home}/secret`, `${home}/out/link`)
}
beforeEach(lay)

const bash = (command: string): Promise<Finished> =>
  run('bash', ['-c', command], { env: { F: world.config, W: world.workspace.folder, H: home } })
/** One line for sftp, and whether it was done. */
async function sftp(route: string, line: string): Promise<'done' | 'denied' | string> {
  const script = `echo "${line}" | sftp -q -F $F -o User=postgres@${route} -b - ${route}`
  const { code, stdout, stderr } = await bash(script)
  // Who may not even look at a file is told by sftp that there is none.
  return code === 0 ? 'done' : /Permission denied|not found/.test(stderr) ? 'denied' : stdout + stderr
}

const lines: [rule: string, line: string, read: boolean, write: boolean, paths: boolean][] = [
  ['gets a file', 'get out/file $W/got', true, true, true],
  ['gets a large one', 'get $H/out/big $W/got', true, true, true],
  ['gets by way of a step upward', 'get in/../out/file $W/got', true, true, true],
  ['gets what no path names', 'get secret/file $W/got', true, true, false],
  ['gets it by way of a step upward', 'get out/../secret/file $W/got', true, true, false],
  ['gets what may be written alone', 'get in/file $W/got', true, true, false],
  ['gets a tree', 'get -R out/deep $W/deep', true, true, true],
  ['puts a file', 'put $W/mine in/new', false, true, true],
  ['puts it over another', 'put $W/mine in/file', false, true, true],
  ['puts and syncs', 'put -f $W/mine in/new', false, true, true],
  ['puts where one may only read', 'put $W/mine out/file', false, true, false],
  ['puts beside', 'put $W/mine new', false, true, false],
  ['lists', 'ls -l out', true, true, true],
  ['goes to a directory on the way', 'cd $H', true, true, true],
  ['removes', 'rm in/file', false, true, true],
  ['removes what may be read', 'rm out/file', false, true, false],
  ['renames', 'rename both/file both/other', false, true, true],
  ['renames to where one may read', 'rename in/file both/other', false, true, false],
  ['makes a directory', 'mkdir in/new', false, true, true],
  ['makes one elsewhere', 'mkdir out/new', false, true, false],
  ['links', 'ln both/file both/other', false, true, false],
  ['links softly', 'ln -s $H/secret/file both/other', false, true, false],
  ['changes modes', 'chmod 600 in/file', false, true, true],
  ['changes modes of what may be read', 'chmod 600 out/file', false, true, false],
  ['copies on the target', 'copy both/file both/other', false, true, true],
  ['asks how full the disk is', 'df out', true, true, true],
]
for (const [rule, line, read, write, paths] of lines)
  test(`sftp: ${rule}`, async () => {
    for (const [route, done] of Object.entries({ read, write, paths })) {
      lay()
      assert.equal(await sftp(route, line), done ? 'done' : 'denied', route)
    }
  })

const scp: [rule: string, command: string, done: boolean, same?: [string, string]][] = [
  ['from the target', 'scp -q -F $F -o User=postgres@paths paths:out/big $W/got', true, ['out/big', 'got']],
  ['to the target', 'scp -q -F $F -o User=postgres@paths $W/mine paths:in/new', true, ['in/new', 'mine']],
  ['to a directory', 'scp -q -F $F -o User=postgres@paths $W/mine paths:in/', true, ['in/mine', 'mine']],
  ['by way of home', 'scp -q -F $F -o User=postgres@paths paths:~/out/big $W/got', true, ['out/big', 'got']],
  ['a tree', 'scp -q -r -F $F -o User=postgres@paths paths:out/deep $W/', true, ['out/deep/file', 'deep/file']],
  [
    'a tree to the target',
    'mkdir $W/got; cp $W/mine $W/got; scp -q -r -F $F -o User=postgres@paths $W/got paths:in/',
    true,
    ['in/got/mine', 'mine'],
  ],
  ['what no path names', 'scp -q -F $F -o User=postgres@paths paths:secret/file $W/got', false],
  ['to where one may read', 'scp -q -F $F -o User=postgres@paths $W/mine paths:out/file', false],
  ['under read', 'scp -q -F $F -o User=postgres@read read:out/big $W/got', true, ['out/big', 'got']],
  ['to the target under read', 'scp -q -F $F -o User=postgres@read $W/mine read:in/new', false],
  ['by a command, as before OpenSSH 9.0', 'scp -q -O -F $F -o User=postgres@write write:out/big $W/got', false],
]
for (const [rule, command, done, same] of scp)
  test(`scp: ${rule}`, async () => {
    const { code, stderr } = await bash(command)
    assert.equal(code === 0, done, stderr)
    if (same === undefined)
      return assert.equal(existsSync(`${home}/in/new`) || existsSync(world.workspace.path('got')), false)
    const [there, here] = same
    assert.ok(readFileSync(`${home}/${there}`).equals(readFileSync(world.workspace.path(here))))
  })

test('a refused line ends neither the session nor what comes after it', async () => {
  const lines = ['-put $W/mine out/file', '-rm out/file', 'get out/big $W/got', '-mkdir out/d', 'put $W/mine in/new']
  const { code, stderr } = await bash(`echo "${lines.join('\n')}" | sftp -q -F $F -o User=postgres@paths -b - paths`)
  assert.equal(code, 0, stderr)
  assert.equal(stderr.match(/Permission denied/g)?.length, 3)
  assert.ok(readFileSync(world.workspace.path('got')).equals(big))
  assert.ok(readFileSync(`${home}/in/new`).equals(big))
  assert.equal(readFileSync(`${home}/out/file`, 'utf8'), 'out/file')
})
test('a thousand refusals in one session are as good as one', async () => {
  const script = `for n in $(seq 1000); do echo "-rm out/$n"; done; echo "get out/big $W/got"`
  const { code, stderr } = await bash(`(${script}) | sftp -q -F $F -o User=postgres@read -b - read`)
  assert.equal(code, 0, stderr.slice(-300))
  assert.equal(stderr.match(/Permission denied/g)?.length, 1000)
  assert.ok(readFileSync(world.workspace.path('got')).equals(big))
})

/*
 * A pattern is held against the path that is asked for. Where a link on the target leads is the target's to know.
 */
test('a link that stands on the target leads out of what is named', async () => {
  assert.equal(await sftp('paths', 'get out/link/file $W/got'), 'done')
  assert.equal(readFileSync(world.workspace.path('got'), 'utf8'), 'secret/file')
})
test('but not to what is beside it: a step upward is taken out before the target reads it', async () => {
  symlinkSync(`${home}/secret/deep`, `${home}/out/deeper`)
  mkdirSync(`${home}/secret/deep`)
  writeFileSync(`${home}/secret/named`, 'secret')
  assert.equal(await sftp('paths', 'get out/deeper/../named $W/got'), 'denied')
  assert.equal(await sftp('write', 'get out/deeper/../named $W/got'), 'done')
})
test('and nobody makes one', async () => {
  assert.equal(await sftp('paths', 'ln -s $H/secret both/link'), 'denied')
  assert.equal(existsSync(`${home}/both/link`), false)
})

test('what was refused stands in the events of the session, with its field', async () => {
  assert.equal(await sftp('paths', 'rm out/file'), 'denied')
  const [event] = await world.events()
  const ended = async () =>
    (await (await api(world.gateway, '/v1/sessions?state=ended')).json()) as { sessions: { id: string }[] }
  const isIt = ({ id }: { id: string }): boolean => id === event?.labels.session_id
  const { sessions } = await until(ended, ({ sessions }) => sessions.some(isIt))
  const session = (await (await api(world.gateway, `/v1/sessions/${sessions.find(isIt)?.id}`)).json()) as {
    events: { kind: string; what?: string; field?: string; because?: string }[]
  }
  assert.ok(session.events.some(({ kind, field }) => kind === 'opened' && field === 'permit-sftp@regate'))
  const refused = session.events.filter(({ kind }) => kind === 'refused')
  assert.deepEqual(
    refused.map(({ what, field, because }) => ({ what, field, because })),
    [
      {
        what: `sftp remove ${home}/out/file`,
        field: 'permit-sftp@regate',
        because: 'does not name it to write',
      },
    ],
  )
})
