import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { readCaLine } from '../../src/certificate/ca-key.ts'
import { run } from '../support/process.ts'
import { startSshAgent } from '../support/ssh-agent.ts'
import type { Workspace } from '../support/workspace.ts'
import { api, startWorld, type World } from '../support/world.ts'

const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const inAgent = (workspace: Workspace, key: string): string =>
  `agent:agent#${readCaLine(workspace.read(`${key}.pub`)).fingerprint}`
const login = (world: World) => world.ssh('db1', ['echo in'])
const ready = async (world: World): Promise<unknown> => (await api(world.gateway, '/health/ready')).json()

test('the CA’s key in an agent: it goes, it comes back, and so does the door', async () => {
  let publicKey = ''
  await using world = await startWorld({
    certificates,
    config({ sshd, workspace }) {
      workspace.key('agent_ca')
      publicKey = workspace.read('agent_ca.pub')
      writeFileSync(workspace.path('sshd-ca.pub'), publicKey)
      assert.ok(sshd.port > 0)
      return { ca: { key: inAgent(workspace, 'agent_ca') } }
    },
  })
  await world.gateway.line(/SIGNER_UNAVAILABLE.*no signer: everyone is denied/)
  assert.equal((await api(world.gateway, '/ca.pub')).status, 503)
  const early = await login(world)
  assert.match(early.stderr, /the signer of certificates is away, so nobody is let in.*SIGNER_UNAVAILABLE, decision /)
  assert.deepEqual(await ready(world), {
    status: 'not ready',
    faults: { signer: 'SIGNER_UNAVAILABLE: the agent that holds the CA’s key is away, or does not hold it' },
  })

  {
    await using agent = await startSshAgent(world.workspace, 'agent_ca')
    assert.equal((await login(world)).stdout, 'in\n')
    assert.deepEqual(await ready(world), { status: 'ready' })
    const told = await (await api(world.gateway, '/ca.pub')).text()
    assert.equal(told.split(' ')[1], publicKey.split(' ')[1])
    await agent.kill()
    assert.match((await login(world)).stderr, /SIGNER_UNAVAILABLE/)
    assert.equal((await api(world.gateway, '/health/ready')).status, 503)
    assert.equal((await api(world.gateway, '/ca.pub')).status, 200, 'the key is known by now')
  }

  await using _again = await startSshAgent(world.workspace, 'agent_ca')
  assert.equal((await login(world)).stdout, 'in\n')
  const outcomes = (await world.events()).map(({ mapped_result: { outcome, code } }) => code ?? outcome).toReversed()
  assert.deepEqual(outcomes, ['SIGNER_UNAVAILABLE', 'allow', 'SIGNER_UNAVAILABLE', 'allow'])
})

const types: [type: string, ...more: string[]][] = [
  ['ecdsa', '-b', '256'],
  ['ecdsa', '-b', '521'],
  ['rsa', '-b', '3072'],
]
for (const [type, ...more] of types)
  test(`sshd lets in who was signed for in an agent: ${type} ${more.join(' ')}`, async () => {
    await using undo = new AsyncDisposableStack()
    await using world = await startWorld({
      certificates,
      async config({ workspace }) {
        workspace.key('agent_ca', type, ...more)
        writeFileSync(workspace.path('sshd-ca.pub'), workspace.read('agent_ca.pub'))
        undo.use(await startSshAgent(workspace, 'agent_ca'))
        return { ca: { key: inAgent(workspace, 'agent_ca') } }
      },
    })
    const done = await login(world)
    assert.equal(done.stdout, 'in\n', done.stderr)
  })

const wrong: [rule: string, key: string, says: RegExp][] = [
  ['no fingerprint', 'agent:agent', /ca\.key: an agent is written agent:/],
  ['a fingerprint of MD5', 'agent:agent#MD5:00:11', /ca\.key: an agent is written agent:/],
  ['no path', 'agent:#SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', /ca\.key: an agent is written agent:/],
]
test('an agent is written with its path and the fingerprint; check says that it is away', async () => {
  await using world = await startWorld({ certificates })
  const check = (key: string) => {
    const text = world.workspace.read('regate.yaml').replace(/^ {2}key: user_ca$/m, `  key: "${key}"`)
    return run(`${import.meta.dirname}/../../bin/regate`, [
      'check',
      '--config',
      world.workspace.write('other.yaml', text),
    ])
  }
  for (const [rule, key, says] of wrong) {
    const done = await check(key)
    assert.deepEqual([done.code, says.test(done.stderr)], [2, true], `${rule}: ${done.stderr}`)
  }
  const away = await check('agent:agent#SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  assert.deepEqual([away.code, /^FAILED {2}keys: connect ENOENT/m.test(away.stdout)], [1, true], away.stdout)
  await using _agent = await startSshAgent(world.workspace)
  const empty = await check('agent:agent#SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  assert.match(empty.stdout, /^FAILED {2}keys: the agent does not hold SHA256:A+$/m)
})
