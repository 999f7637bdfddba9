import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { run } from '../support/process.ts'
import { startSshd } from '../support/sshd.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/*
 * Every pair of ciphers that the two legs can have, with the stock client and a real sshd: what passes in place, what is
 * copied, and keys that change meanwhile on either leg, and on both.
 */
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
] as const
const routeOf = (cipher: string): string => cipher.split('@')[0] ?? cipher

let world: World
let stack: AsyncDisposableStack
before(async () => {
  await using undo = new AsyncDisposableStack()
  world = undo.use(
    await startWorld({
      config: async ({ workspace }) => {
        const ca = workspace.read('sshd-ca.pub')
        const routes = []
        for (const cipher of ciphers)
          for (const limit of ['none', '2m']) {
            const name = `${routeOf(cipher)}-${limit}`
            const lines = [`Ciphers ${cipher}`, `RekeyLimit ${limit === 'none' ? 'default none' : limit}`]
            const sshd = undo.use(await startSshd(workspace, ca, name, lines))
            const decision = JSON.stringify(allow({ extensions: { 'permit-exec@regate': ['*'] }, ttl: 300 }))
            routes.push({ name, host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey], labels: { decision } })
          }
        return { routes }
      },
    }),
  )
  writeFileSync(world.workspace.path('big'), randomBytes(12 * 1024 * 1024))
  const signedIn = await world.ssh('aes128-gcm-none', ['true'])
  assert.equal(signedIn.code, 0, signedIn.stderr)
  stack = undo.move()
})
after(() => stack?.disposeAsync())

const there = 'ssh $O -F $F postgres@$R@gate sha256sum < $B | cut -d" " -f1 | diff - <(sha256sum < $B | cut -d" " -f1)'
const andBack = 'ssh $O -F $F postgres@$R@gate "cat $B" </dev/null | cmp - $B'

for (const client of ciphers)
  for (const target of ciphers)
    for (const [keys, limit, own] of [
      ['', 'none', ''],
      [', keys change on the leg to the client', 'none', '-o RekeyLimit=2m'],
      [', on the leg to the target', '2m', ''],
      [', on both', '2m', '-o RekeyLimit=2m'],
    ] as const)
      test(`${routeOf(client)} to ${routeOf(target)}${keys}: 12 MB there and back`, async () => {
        const env = {
          F: world.config,
          O: `-o Ciphers=${client} ${own}`,
          R: `${routeOf(target)}-${limit}`,
          B: world.workspace.path('big'),
        }
        const done = await run('bash', ['-c', `set -o pipefail; ${there} && ${andBack} && echo same`], { env })
        assert.equal(done.stdout, 'same\n', done.stderr)
      })
