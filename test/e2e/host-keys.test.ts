import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ParsedKey } from 'ssh2'
import { fingerprintOf } from '../../src/model/fingerprint.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { type HostKeyAlgorithm, hostCertificateAlgorithms } from '../../src/ssh/algorithms.ts'
import { readHostCertificate } from '../../src/ssh/host-certificate.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { type Insides, Server, utils } from '../../src/ssh/ssh2.ts'
import { reach } from '../../src/ssh/target.ts'
import { run, start } from '../support/process.ts'
import type { Workspace } from '../support/workspace.ts'
import { allow, startWorld, type World } from '../support/world.ts'

/* Targets that are known by certificates: a real sshd with three keys, each certified for 127.0.0.1. */

const types = ['ed25519', 'ecdsa', 'rsa'] as const
const patience = { ...rekeyLimits, connect: 5_000 as Milliseconds, handshake: 10_000 as Milliseconds }

function certify(workspace: Workspace, name: string): string[] {
  const key = workspace.path(name)
  const sign = ['-s', workspace.path('host-ca'), '-h', '-I', name, '-n', '127.0.0.1', '-V', '-5m:+1h', `${key}.pub`]
  execFileSync('ssh-keygen', ['-q', ...sign])
  return [`HostKey ${key}`, `HostCertificate ${key}-cert.pub`]
}

/** The key of a `.pub` file as known_hosts has it. */
const keyOf = (workspace: Workspace, name: string): string =>
  workspace.read(`${name}.pub`).split(' ').slice(0, 2).join(' ')
const fingerprint = (line: string): string => fingerprintOf(Buffer.from(line.split(' ')[1] ?? '', 'base64'))

let world: World
before(async () => {
  world = await startWorld({
    sshd(workspace) {
      for (const name of ['host-ca', 'other-ca', 'other-host']) workspace.key(name)
      for (const type of types) workspace.key(`certified-${type}`, type)
      return [...types.flatMap((type) => certify(workspace, `certified-${type}`)), 'RekeyLimit 100K']
    },
    config({ sshd, workspace }) {
      const ca = (name: string, hosts = '*'): string => `@cert-authority ${hosts} ${keyOf(workspace, name)}\n`
      const labels = { decision: JSON.stringify(allow({ extensions: { 'permit-exec@regate': ['*'] } })) }
      const route = { host: '127.0.0.1', port: sshd.port, labels }
      const revoked = keyOf(workspace, 'certified-ed25519')
      const files: Record<string, string> = {
        certified: ca('host-ca'),
        moved: ca('host-ca'),
        otherca: ca('other-ca'),
        elsewhere: ca('host-ca', '10.0.0.1'),
        revoked: `${ca('host-ca')}@revoked * ${revoked}\n`,
        spoilt: `${ca('host-ca')}@revoked * nonsense\n`,
      }
      const byFile = Object.entries(files).map(([name, text]) => ({
        ...route,
        name,
        known_hosts: workspace.write(`${name}_hosts`, text),
      }))
      return {
        routes: [
          ...byFile,
          { ...route, name: 'misnamed', host: 'localhost', known_hosts: workspace.path('certified_hosts') },
          { ...route, name: 'changed', host_keys: [keyOf(workspace, 'other-host')] },
          { ...route, name: 'open', known_hosts: workspace.write('open_hosts', ca('host-ca'), 0o666) },
        ],
      }
    },
  })
  chmodSync(world.workspace.path('open_hosts'), 0o666)
  // Signs in, so that what follows needs no code.
  assert.equal((await world.ssh('certified', ['echo in'])).stdout, 'in\n')
})
after(() => world[Symbol.asyncDispose]())

const regate = join(import.meta.dirname, '..', '..', 'bin', 'regate')
const batch = { options: ['-o', 'BatchMode=yes'] }

test('a host that is known by its authority is gone to, and again at each key exchange of its own', async () => {
  const done = await world.ssh('certified', ['head -c 1000000 /dev/zero | wc -c; head -c 1000000 /dev/zero'], batch)
  assert.deepEqual([done.code, done.stdout.length], [0, 1_000_008])
})

const refused: [rule: string, route: string, code: string, logged: RegExp][] = [
  [
    'by another authority',
    'otherca',
    'HOST_KEY_MISMATCH',
    /showed SHA256:\S+, certified by SHA256:\S+, known: any that is/,
  ],
  ['by one that is there for other hosts', 'elsewhere', 'HOST_KEY_UNKNOWN', /no host key is known; it showed SHA256:/],
  [
    'for another name than the route’s host',
    'misnamed',
    'HOST_CERTIFICATE_INVALID',
    /is for 127\.0\.0\.1, not localhost/,
  ],
  ['whose key is revoked', 'revoked', 'HOST_KEY_REVOKED', /revoked: SHA256:/],
  ['while a revocation does not read', 'spoilt', 'HOST_KEY_UNKNOWN', /line 2: a revoked key that does not read/],
  ['by a file that others may write', 'open', 'HOST_KEY_UNKNOWN', /is open to others/],
]
for (const [rule, route, code, logged] of refused)
  test(`a host certified ${rule} is not gone to`, async () => {
    const done = await world.ssh(route, ['true'], batch)
    assert.deepEqual([done.code, done.stdout], [255, ''])
    assert.match(done.stderr, new RegExp(code))
    assert.doesNotMatch(done.stderr, /SHA256|_hosts|is for/)
    assert.match(await world.gateway.line(new RegExp(`${code}.*${logged.source}|${logged.source}.*${code}`)), /./)
  })

test('a changed key is refused with both fingerprints in the log, and none on the screen', async () => {
  const done = await world.ssh('changed', ['true'], batch)
  assert.match(done.stderr, /the host key of changed is not the known one, so nothing was sent to it/)
  assert.doesNotMatch(done.stderr, /SHA256/)
  const known = fingerprint(keyOf(world.workspace, 'other-host'))
  const shown = [world.sshd.hostKey, keyOf(world.workspace, 'certified-ed25519')].map(fingerprint)
  const logged = await world.gateway.line(new RegExp(`showed SHA256:\\S+, known: ${known.replaceAll('+', '\\+')}`))
  assert.ok(
    shown.some((one) => logged.includes(`showed ${one}`)),
    logged,
  )
})

test('a known_hosts file counts as it is: at the next login, and at the next key exchange of who is in', async () => {
  const command = ['-F', world.config, '-o', 'BatchMode=yes', '-l', 'postgres@moved', 'moved']
  await using live = start('ssh', [...command, 'echo begun; cat >/dev/null; head -c 1000000 /dev/zero | wc -c'])
  await live.line(/begun/)
  const other = `@cert-authority * ${keyOf(world.workspace, 'other-ca')}\n`
  renameSync(world.workspace.write('next_hosts', other), world.workspace.path('moved_hosts'))
  assert.match((await world.ssh('moved', ['true'], batch)).stderr, /HOST_KEY_MISMATCH/)
  live.child.stdin?.end(Buffer.alloc(1_000_000))
  assert.equal(await live.ended(), 255)
})

for (const algorithm of hostCertificateAlgorithms.filter((name) => !/nistp(384|521)/.test(name)))
  test(`${algorithm} is carried to its end`, async () => {
    let proving: Buffer | undefined
    const target = await knock(world.sshd.port, algorithm, (shown) => {
      proving = readHostCertificate(shown).key.blob
      return proving
    })
    target.leave()
    const [, kind = ''] = /(ed25519|ecdsa|rsa)/.exec(algorithm) ?? []
    const known = keyOf(world.workspace, `certified-${kind}`)
    assert.equal(proving?.toString('base64'), known.split(' ')[1])
  })

const knock = (port: number, algorithm: HostKeyAlgorithm, check: (shown: Buffer) => Buffer) =>
  reach({ host: '127.0.0.1', port }, [algorithm], check, patience, new AbortController().signal)

test('who shows the certificate of a key that it has not got is refused', async () => {
  const algorithm = 'ssh-ed25519-cert-v01@openssh.com'
  const certificate = Buffer.from(world.workspace.read('certified-ed25519-cert.pub').split(' ')[1] ?? '', 'base64')
  for (const [key, code] of [
    ['certified-ed25519', undefined],
    ['other-host', 'TARGET_PROTOCOL'],
  ] as const) {
    const own = utils.parseKey(readFileSync(world.workspace.path(key))) as ParsedKey
    const server = new Server(
      { hostKeys: [{ key: Object.create(own, shownAs(algorithm, certificate)) }] } as never,
      (client) => {
        client.on('error', () => {})
        // A server of ssh2 writes the certificate's name over the signature, where the plain one belongs.
        const { _protocol: protocol } = client as unknown as Insides & { _protocol: { _hostKeys: object } }
        const sign = (data: Buffer): unknown => {
          Object.assign(protocol._kex?.negotiated ?? {}, { serverHostKey: 'ssh-ed25519' })
          return own.sign(data)
        }
        const shown = { ...shownAs(algorithm, certificate), sign: { value: sign } }
        Object.assign(protocol, { _hostKeys: { [algorithm]: Object.create(own, shown) } })
      },
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const knocked = knock(port, algorithm, (shown) => readHostCertificate(shown).key.blob)
    if (code === undefined) (await knocked).leave()
    else await assert.rejects(knocked, { code, message: /signature verification failed/ })
    server.close()
  }
})

test('a host that shows another known key at a later key exchange is left', async () => {
  const [first, second] = ['certified-ed25519', 'other-host'].map((name) => readFileSync(world.workspace.path(name)))
  const connected = Promise.withResolvers<Insides & { _protocol: { _hostKeys: object } }>()
  const server = new Server({ hostKeys: [first ?? ''] }, (client) => {
    client.on('error', () => {})
    connected.resolve(client as unknown as Insides & { _protocol: { _hostKeys: object } })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const target = await knock(port, 'ssh-ed25519', (shown) => shown)
  const { _protocol: protocol } = await connected.promise
  Object.assign(protocol, { _hostKeys: { 'ssh-ed25519': utils.parseKey(second ?? '') } })
  protocol.rekey()
  const credential = { certificate: Buffer.alloc(0), sign: () => Buffer.alloc(64) }
  await assert.rejects(target.login('postgres', credential), {
    code: 'HOST_KEY_MISMATCH',
    message: 'the host key changed while connected',
  })
  server.close()
})

const shownAs = (type: string, certificate: Buffer) => ({
  type: { value: type },
  getPublicSSH: { value: () => certificate },
})

test('check tells what is wrong with a known_hosts file, with its line', async () => {
  const done = await run(regate, ['check', '--config', world.workspace.path('regate.yaml')])
  assert.match(done.stdout, /^ok {6}route certified: 127\.0\.0\.1:\d+ SHA256:/m)
  assert.match(done.stdout, /^FAILED {2}route spoilt: .*spoilt_hosts:2: expected/m)
  assert.match(done.stdout, /^FAILED {2}route misnamed: the host certificate is for 127\.0\.0\.1, not localhost/m)
})
