import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { hostCa, jumping, writeJumpConfig } from '../support/jump.ts'
import { run } from '../support/process.ts'
import { until } from '../support/workers.ts'
import type { Workspace } from '../support/workspace.ts'
import { type GatewayProcess, startGateway, startWorld, writeSshConfig } from '../support/world.ts'

const certificates = { db1: { extensions: { 'permit-exec@regate': ['*'] } } }
const project = join(import.meta.dirname, '..', '..')

test('a rotation as docs/operations.md has it: nobody is ever shut out, and the old key ends up worthless', async () => {
  await using world = await startWorld({ certificates })
  let gateway: GatewayProcess = world.gateway
  const { workspace } = world
  const restart = async (ca: object): Promise<void> => {
    gateway = await restartWith(workspace, gateway, ca)
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
    const accepted = await until(
      () => world.sshd.log.slice(before).find((line) => line.startsWith('Accepted certificate ID')),
      (line) => line !== undefined,
    )
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

/** The gateway, started again with what its configuration then says of the CAs. */
async function restartWith(workspace: Workspace, gateway: GatewayProcess, ca: object): Promise<GatewayProcess> {
  await gateway.stop()
  writeFileSync(workspace.path('regate.yaml'), stringify({ ...parse(workspace.read('regate.yaml')), ca }))
  return startGateway(workspace)
}

const keyOf = (line: string): string => line.trim().split(' ').slice(0, 2).join(' ')
const fingerprint = async (path: string): Promise<string> =>
  (await run('ssh-keygen', ['-l', '-f', path])).stdout.split(' ')[1] ?? ''

test('a rotation of the host CA as docs/host-keys.md has it: ssh always knows the gateway, and the old line ends up worthless', async () => {
  await using world = await startWorld({ certificates, config: hostCa })
  const { workspace } = world
  let gateway: GatewayProcess = world.gateway
  const restart = async (ca: object): Promise<void> => {
    gateway = await restartWith(workspace, gateway, { key: 'user_ca', ...ca })
  }
  /** What a client does: it writes what it fetches into its known_hosts, a line for each key. */
  const fetched = async (): Promise<string[]> => {
    const url = `http://127.0.0.1:${gateway.httpPort}/host_ca.pub`
    const done = await run('sh', ['-c', `curl -fsS ${url} | sed 's/^/@cert-authority * /'`])
    return done.stdout.trim().split('\n').map(withoutComment)
  }
  const withoutComment = (line: string): string => line.split(' ').slice(0, 4).join(' ')
  const lineOf = (name: string): string => `@cert-authority * ${keyOf(workspace.read(`${name}.pub`))}`
  workspace.key('host_ca_2')
  const [oldLine, newLine] = [lineOf('host_ca'), lineOf('host_ca_2')]
  /** Whether stock ssh, which has these lines alone, gets to the host: straight, and by a jump. */
  const isKnown = async (...lines: string[]): Promise<[straight: boolean, byJump: boolean]> => {
    const config = writeJumpConfig(workspace, gateway)
    workspace.write('known_ca', lines.map((line) => `${line}\n`).join(''))
    const straight = await jumping(world, config, 'ssh -F $F hop echo in')
    const byJump = await jumping(world, config, 'ssh -F $F -J gate db1 echo in')
    for (const { stdout, stderr } of [straight, byJump])
      if (stdout !== 'in\n') assert.match(stderr, /Host key verification failed/)
    return [straight.stdout === 'in\n', byJump.stdout === 'in\n']
  }
  const yes = [true, true]
  const no = [false, false]
  assert.deepEqual(await fetched(), [oldLine])
  assert.deepEqual(await isKnown(oldLine), yes)

  // 1. A new key; its public part is published beside the one that signs.
  await restart({ host_key: 'host_ca', host_also_trusted: ['host_ca_2.pub'] })
  const both = await fetched()
  assert.deepEqual(both, [oldLine, newLine])
  assert.deepEqual(await isKnown(oldLine), yes, 'a client that has not fetched it yet')

  // 2. Every client has both lines.
  assert.deepEqual(await isKnown(...both), yes)

  // 3. The new key signs; whoever was forgotten is not let on, and is again by going back.
  await restart({ host_key: 'host_ca_2', host_also_trusted: ['host_ca.pub'] })
  assert.deepEqual(await fetched(), [newLine, oldLine])
  assert.deepEqual(await isKnown(...both), yes)
  assert.deepEqual(await isKnown(oldLine), no, 'a client that was forgotten')
  assert.deepEqual(await isKnown(newLine), yes)

  // 4. The old one goes: from the configuration, then from the clients.
  await restart({ host_key: 'host_ca_2' })
  assert.deepEqual(await fetched(), [newLine])
  assert.deepEqual(await isKnown(newLine), yes)
  await restart({ host_key: 'host_ca' })
  assert.deepEqual(await isKnown(newLine), no, 'what the old key signs is worth nothing')
  await gateway.stop()
})

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
