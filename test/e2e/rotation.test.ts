import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { run } from '../support/process.ts'
import { type GatewayProcess, startGateway, startWorld, writeSshConfig } from '../support/world.ts'

const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const project = join(import.meta.dirname, '..', '..')

test('a rotation as docs/operations.md has it: nobody is ever shut out, and the old key ends up worthless', async () => {
  await using world = await startWorld({ certificates })
  let gateway: GatewayProcess = world.gateway
  const { workspace } = world
  /** With what the configuration then says of the CA. */
  const restart = async (ca: object): Promise<void> => {
    await gateway.stop()
    writeFileSync(workspace.path('regate.yaml'), stringify({ ...parse(workspace.read('regate.yaml')), ca }))
    gateway = await startGateway(workspace)
    writeSshConfig(workspace, gateway, ['db1'])
  }
  const lines = async (): Promise<string[]> => {
    const answer = await fetch(`http://127.0.0.1:${gateway.httpPort}/ca.pub`)
    return (await answer.text()).trim().split('\n')
  }
  /** A host fetches the file, as hosts.md says. */
  const fetchOnHost = async (): Promise<void> => {
    const url = `http://127.0.0.1:${gateway.httpPort}/ca.pub`
    const done = await run('curl', ['-fsS', '-o', workspace.path('sshd-ca.pub'), url])
    assert.equal(done.code, 0, done.stderr)
  }
  const signer = async (): Promise<string | undefined> => {
    const before = world.sshd.log.length
    const done = await world.ssh('db1', ['echo in'])
    if (done.stdout !== 'in\n') return undefined
    const accepted = world.sshd.log.slice(before).find((line) => line.startsWith('Accepted certificate ID'))
    return /CA (SHA256:\S+) via/.exec(accepted ?? '')?.[1]
  }

  // 1. A new key; its public part is published beside the one that signs.
  workspace.key('user_ca_2')
  workspace.write('user_ca.pub', `${(await lines())[0]}\n`, 0o644)
  const [oldKey, newKey] = [
    await fingerprint(workspace.path('user_ca.pub')),
    await fingerprint(workspace.path('user_ca_2.pub')),
  ]
  await restart({ key: 'user_ca', also_trusted: ['user_ca_2.pub'] })
  assert.deepEqual((await lines()).map(keyOf), [read('user_ca.pub'), read('user_ca_2.pub')])
  assert.equal(await signer(), oldKey, 'a host that has not fetched it yet')

  // 2. Every host fetches /ca.pub.
  await fetchOnHost()
  assert.equal(await signer(), oldKey)

  // 3. The new key signs; the old one is still published.
  await restart({ key: 'user_ca_2', also_trusted: ['user_ca.pub'] })
  assert.deepEqual((await lines()).map(keyOf), [read('user_ca_2.pub'), read('user_ca.pub')])
  assert.equal(await signer(), newKey)

  // 4. The old one goes: from the configuration, then from the hosts.
  await restart({ key: 'user_ca_2' })
  assert.deepEqual((await lines()).map(keyOf), [read('user_ca_2.pub')])
  await fetchOnHost()
  assert.equal(await signer(), newKey)
  await restart({ key: 'user_ca' })
  assert.equal(await signer(), undefined, 'what the old key signs is worth nothing')
  await gateway.stop()

  function read(name: string): string {
    return keyOf(readFileSync(workspace.path(name), 'utf8'))
  }
})

const keyOf = (line: string): string => line.trim().split(' ').slice(0, 2).join(' ')
const fingerprint = async (path: string): Promise<string> =>
  (await run('ssh-keygen', ['-l', '-f', path])).stdout.split(' ')[1] ?? ''

test('a key that is trusted besides is a public key that nobody else may write', async () => {
  await using world = await startWorld({ certificates })
  const { workspace } = world
  const alice = workspace.read('alice.pub')
  chmodSync(workspace.write('open.pub', alice), 0o664)
  const files: [name: string, says: RegExp][] = [
    ['nothing.pub', /nothing\.pub: there is no such file \(KEY_FILE\)/],
    ['open.pub', /open\.pub is open to others \(mode 0664\): chmod 644 it/],
    [workspace.write('two.pub', `${alice}${alice}`), /not one public key/],
    ['alice', /not one public key/],
  ]
  for (const [name, says] of files) {
    const config = { ...parse(workspace.read('regate.yaml')), ca: { key: 'user_ca', also_trusted: [name] } }
    const file = workspace.write('other.yaml', stringify(config))
    const done = await run(join(project, 'bin', 'regate'), ['serve', '--config', file])
    assert.deepEqual([done.code, says.test(done.stderr)], [1, true], done.stderr)
  }
})
