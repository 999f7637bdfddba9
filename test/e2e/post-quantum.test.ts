import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { openSsh10 } from '../support/openssh10.ts'
import { type Finished, run } from '../support/process.ts'
import { type Sshd, startSshd } from '../support/sshd.ts'
import { until } from '../support/workers.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/* A key exchange that holds against quantum computers, on either leg, with OpenSSH 10 at both ends. */
const hybrid = 'mlkem768x25519-sha256'
const decision = JSON.stringify(allow({ extensions: { 'permit-exec@regate': ['*'] }, ttl: 300 }))

let world: World
let sshd10: Sshd
let stack: AsyncDisposableStack
before(async () => {
  await using undo = new AsyncDisposableStack()
  world = undo.use(
    await startWorld({
      config: async ({ sshd, workspace }) => {
        const lines = [...openSsh10.sshdLines, `KexAlgorithms ${hybrid}`, 'LogLevel DEBUG1']
        const ca = workspace.read('sshd-ca.pub')
        sshd10 = undo.use(await startSshd(workspace, ca, 'sshd10', lines, openSsh10.sshd))
        const route = (name: string, { port, hostKey }: Sshd) => ({
          name,
          host: '127.0.0.1',
          port,
          host_keys: [hostKey],
          labels: { decision },
        })
        return { limits: { rekey_bytes: '1MiB' }, routes: [route('new', sshd10), route('old', sshd)] }
      },
    }),
  )
  writeFileSync(world.workspace.path('big'), randomBytes(8 * 1024 * 1024))
  const signedIn = await world.ssh('old', ['true'])
  assert.equal(signedIn.code, 0, signedIn.stderr)
  stack = undo.move()
})
after(() => stack?.disposeAsync())

const ssh10 = (route: string, options: readonly string[], ...command: readonly string[]): Promise<Finished> =>
  run(openSsh10.ssh, ['-F', world.config, ...options, `postgres@${route}@gate`, ...command])

test('OpenSSH 10 takes it of itself, and the policy is told its name', async () => {
  const done = await ssh10('new', ['-v'], 'echo', 'in')
  assert.equal(done.stdout, 'in\n', done.stderr)
  assert.match(done.stderr, new RegExp(`kex: algorithm: ${hybrid}`))
  assert.doesNotMatch(done.stderr, /post-quantum/)
  const [last] = await world.events()
  assert.equal(last?.input.connection.kex, hybrid)
})

test('a client without it goes on as before, and the policy is told so', async () => {
  const done = await ssh10('old', ['-o', 'KexAlgorithms=curve25519-sha256'], 'echo', 'in')
  assert.equal(done.stdout, 'in\n', done.stderr)
  const [last] = await world.events()
  assert.equal(last?.input.connection.kex, 'curve25519-sha256')
})

const exchanges = (lines: readonly string[]): number => lines.filter((line) => /KEXINIT received/.test(line)).length

test('the gateway changes keys on both legs by itself, after `limits.rekey_bytes`', async () => {
  const before = exchanges(sshd10.log)
  const done = await ssh10('new', ['-v'], 'head -c 8388608 /dev/zero')
  assert.equal(done.code, 0, done.stderr)
  const client = exchanges(done.stderr.split('\n'))
  const host = await until(
    () => exchanges(sshd10.log) - before,
    (count) => count >= 4,
  )
  assert.ok(client >= 4, `${client} exchanges with the client`)
  assert.ok(host >= 4, `${host} exchanges with the host`)
})

test('keys change by it under load, on both legs: 8 MB there and back', async () => {
  const there =
    'sha256sum < $B | cut -d" " -f1 | diff - <($S -F $F $O postgres@new@gate sha256sum < $B | cut -d" " -f1)'
  const back = '$S -F $F $O postgres@new@gate "cat $B" </dev/null | cmp - $B'
  const env = {
    S: openSsh10.ssh,
    F: world.config,
    O: `-o KexAlgorithms=${hybrid} -o RekeyLimit=2m`,
    B: world.workspace.path('big'),
  }
  const done = await run('bash', ['-c', `set -o pipefail; ${there} && ${back} && echo same`], { env })
  assert.equal(done.stdout, 'same\n', done.stderr)
})
