import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../support/process.ts'
import { startWorld, type World } from '../support/world.ts'

const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const withHostCa = {
  certificates,
  config: ({ workspace }: Pick<World, 'workspace'>) => {
    workspace.key('host_ca')
    return { ca: { key: 'user_ca', host_key: 'host_ca' }, gateway: { host_names: ['gate.test', '127.0.0.1'] } }
  },
}
const keyOf = (text: string): string => text.split(' ').slice(0, 2).join(' ')

test('who knows the host CA knows the gateway', async (t) => {
  await using world = await startWorld(withHostCa)
  const { workspace, gateway } = world
  const ca = keyOf(await (await fetch(`http://127.0.0.1:${gateway.httpPort}/host_ca.pub`)).text())
  await t.test('GET /host_ca.pub gives its key', () => assert.equal(ca, keyOf(workspace.read('host_ca.pub'))))

  const rows: [rule: string, line: string, options: string[], expected: RegExp][] = [
    ['one line is enough', `@cert-authority * ${ca}`, [], /^in\n/],
    ['the name without the port does as well', `@cert-authority 127.0.0.1 ${ca}`, [], /^in\n/],
    ['by another of its names', `@cert-authority gate.test ${ca}`, ['HostKeyAlias=gate.test'], /^in\n/],
    ['also when the keys are changed', `@cert-authority * ${ca}`, ['RekeyLimit=16'], /^in\n/],
    [
      'not by a name that is not its own',
      `@cert-authority * ${ca}`,
      ['HostKeyAlias=db1'],
      /name is not a listed principal|Host key verification failed/,
    ],
    [
      'not when another CA is known',
      `@cert-authority * ${keyOf(workspace.read('alice.pub'))}`,
      [],
      /Host key verification failed/,
    ],
    [
      'nor when the CA is known for other hosts',
      `@cert-authority other.test ${ca}`,
      [],
      /Host key verification failed/,
    ],
    [
      'who takes no certificates sees the plain key',
      `* ${keyOf(workspace.read('gateway-host.pub'))}`,
      ['HostKeyAlgorithms=ssh-ed25519'],
      /^in\n/,
    ],
    ['and so does who knows the key alone', `* ${keyOf(workspace.read('gateway-host.pub'))}`, [], /^in\n/],
  ]
  for (const [rule, line, options, expected] of rows)
    await t.test(rule, async () => {
      const known = workspace.write('known', `${line}\n`)
      const more = [`UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes', ...options]
      const done = await world.ssh('db1', ['echo in'], { options: more.flatMap((option) => ['-o', option]) })
      assert.match(done.stdout + done.stderr, expected)
    })

  await t.test('strangers learn no route from it', async () => {
    const scanned = await run('ssh-keyscan', ['-c', '-p', `${gateway.sshPort}`, '127.0.0.1'])
    workspace.write('scanned.pub', scanned.stdout.slice(scanned.stdout.indexOf('ssh-ed25519-cert')))
    const { stdout } = await run('ssh-keygen', ['-L', '-f', workspace.path('scanned.pub')])
    assert.match(stdout, /Principals: \n\s+gate\.test\n\s+127\.0\.0\.1\n\s+Critical/)
  })
})

test('without a host CA there is nothing to fetch', async () => {
  await using world = await startWorld({ certificates })
  const answer = await fetch(`http://127.0.0.1:${world.gateway.httpPort}/host_ca.pub`)
  assert.deepEqual(
    [answer.status, await answer.json()],
    [404, { code: 'not_found', message: 'no host CA is configured' }],
  )
})

test('a host CA whose agent is away shuts nobody out', async () => {
  await using world = await startWorld({
    ...withHostCa,
    config: async ({ workspace }) => ({
      ...withHostCa.config({ workspace }),
      ca: { key: 'user_ca', host_key: `agent:nobody.sock#SHA256:${'A'.repeat(43)}` },
    }),
  })
  const done = await world.ssh('db1', ['echo in'])
  assert.equal(done.stdout, 'in\n', done.stderr)
  await world.gateway.line(/no host certificate: clients see the plain host key/)
  const answer = await fetch(`http://127.0.0.1:${world.gateway.httpPort}/host_ca.pub`)
  assert.equal(answer.status, 503)
})
