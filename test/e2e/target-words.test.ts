import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSshd } from '../support/sshd.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/* What a target would have the person read: its banner, and why it refuses. */
const line = `${'-'.repeat(63)}\n`
let world: World
let stack: AsyncDisposableStack
before(async () => {
  await using undo = new AsyncDisposableStack()
  world = undo.use(
    await startWorld({
      sshd: (workspace) => [
        `Banner ${workspace.write('banner', 'Property of Example Ltd.\n\u001b]0;title\u0007Welcome\n')}`,
      ],
      config: async ({ sshd, workspace }) => {
        const ca = workspace.read('sshd-ca.pub')
        const banner = `Banner ${workspace.write('long-banner', line.repeat(2_000))}`
        const long = undo.use(await startSshd(workspace, ca, 'long', [banner]))
        const strict = undo.use(await startSshd(workspace, ca, 'strict', ['MaxAuthTries 1']))
        const route = (name: string, { port, hostKey }: typeof sshd, account = 'postgres') => {
          const certificate = allow({ principals: [account], extensions: { 'permit-exec@regate': ['*'] } })
          const labels = { decision: JSON.stringify(certificate) }
          return { name, host: '127.0.0.1', port, host_keys: [hostKey], labels }
        }
        return {
          routes: [
            route('db1', sshd),
            route('long', long),
            route('noaccount', sshd, 'nobody'),
            route('strict', strict, 'nobody'),
          ],
        }
      },
    }),
  )
  stack = undo.move()
})
after(() => stack?.disposeAsync())

const cleaned = /Property of Example Ltd\.\n\?\]0;title\?Welcome\n/

test('the target’s banner reaches the person, without its control characters', async () => {
  const done = await world.ssh('db1', ['echo in'])
  assert.equal(done.stdout, 'in\n')
  assert.match(done.stderr, cleaned)
})

test('of a longer one the first 64 KiB', async () => {
  const done = await world.ssh('long', ['echo in'])
  assert.equal(done.stdout, 'in\n')
  assert.equal(done.stderr.split(line).length - 1, 65_536 / 64)
})

test('when the target refuses, its banner is still shown, before the refusal', async () => {
  const done = await world.ssh('noaccount', ['true'], { login: 'nobody' })
  assert.match(done.stderr, cleaned)
  assert.ok(done.stderr.search(cleaned) < done.stderr.indexOf('regate: noaccount itself refused the login nobody'))
})

test('and so are its last words', async () => {
  const done = await world.ssh('strict', ['true'], { login: 'nobody' })
  assert.match(done.stderr, /^Too many authentication failures$/m)
  assert.match(done.stderr, /strict itself refused the login nobody.*TARGET_REFUSED/)
})
