import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type Finished, run, start } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'
import { startWorld, type World } from '../support/world.ts'

const project = join(import.meta.dirname, '..', '..')
const regate = (args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Finished> =>
  run(join(project, 'bin', 'regate'), args, options)

let world: World
before(async () => {
  world = await startWorld({ certificates: { db1: { extensions: { 'permit-exec@regate': ['*'] } } } })
})
after(() => world[Symbol.asyncDispose]())

// init

test('init makes a working folder and says the four things that are left to do', async () => {
  using workspace = makeWorkspace()
  const folder = workspace.path('gate')
  const made = await regate(['init', folder])
  assert.equal(made.code, 0, made.stderr)
  const ca = readFileSync(join(folder, 'keys', 'user_ca.pub'), 'utf8').trim()
  const hostCa = readFileSync(join(folder, 'keys', 'host_ca.pub'), 'utf8').trim()
  for (const part of [
    '1. On each host',
    ca,
    'TrustedUserCAKeys /etc/ssh/regate_ca.pub',
    '2. In ',
    '3. In ',
    'regate serve --config',
    '4. Whoever comes by ssh',
    `@cert-authority * ${hostCa}`,
  ])
    assert.ok(made.stdout.includes(part), part)
  for (const key of ['host_ed25519', 'user_ca', 'host_ca']) {
    assert.equal(statSync(join(folder, 'keys', key)).mode & 0o777, 0o600)
    const shown = await run('ssh-keygen', ['-y', '-f', join(folder, 'keys', key)])
    assert.equal(
      shown.stdout.split(' ')[1]?.trim(),
      readFileSync(join(folder, 'keys', `${key}.pub`), 'utf8').split(' ')[1],
    )
  }
  const again = await regate(['init', folder])
  assert.deepEqual(
    [again.code, /has regate\.yaml, keys, policies, wasm already: nothing was written/.test(again.stderr)],
    [1, true],
  )
})
test('what init makes starts, builds its own policies, and checks but for what only the operator knows', async () => {
  using workspace = makeWorkspace()
  const folder = workspace.path('gate')
  await regate(['init', folder])
  const file = join(folder, 'regate.yaml')
  const text = readFileSync(file, 'utf8')
    .replace('0.0.0.0:2222', '127.0.0.1:0')
    .replace('127.0.0.1:8022', '127.0.0.1:0')
    .replace('host: 10.0.3.7', 'host: 127.0.0.1\n    port: 1')
  writeFileSync(file, text.replace('https://idp.example.com', 'http://127.0.0.1:1'))
  const built = await regate([
    'policy',
    'build',
    '--policies',
    join(folder, 'policies'),
    '--output',
    join(folder, 'wasm', 'bundle.tar.gz'),
  ])
  assert.equal(built.code, 0, built.stderr)
  assert.deepEqual(
    readFileSync(join(folder, 'wasm', 'bundle.tar.gz')),
    readFileSync(join(project, 'wasm', 'bundle.tar.gz')),
  )
  const checked = await regate(['check', '--config', file])
  assert.equal(checked.code, 1)
  assert.deepEqual(checked.stdout.match(/^\S+ +[^:]+/gm), [
    'ok      keys',
    'ok      store',
    'ok      policy',
    'FAILED  identity provider',
    'FAILED  route db1',
  ])
  await using gateway = start(join(project, 'bin', 'regate'), ['serve', '--config', file])
  await gateway.line(/"msg":"ready"/)
  assert.equal(await gateway.stop(), 0)
})

// check

const configOf = (change: object = {}): string => {
  const text = readFileSync(world.workspace.path('regate.yaml'), 'utf8')
  return `${text}\n${Object.keys(change).length === 0 ? '' : stringify(change)}`
}
const without = (text: string, section: string): string =>
  text.replace(new RegExp(`^${section}:\\n(?: .*\\n|-.*\\n)*`, 'm'), '')

test('check says that all is well', async () => {
  const done = await regate(['check', '--config', world.workspace.path('regate.yaml')])
  assert.equal(done.code, 0, done.stdout)
  assert.match(done.stdout, /^ok {6}keys: user CA SHA256:/m)
  assert.match(done.stdout, /^ok {6}route db1: 127\.0\.0\.1:\d+ SHA256:/m)
  assert.match(done.stdout, /^ok {6}identity provider: http:/m)
})
test('and all that is not, at once', async () => {
  const file = world.workspace.write(
    'bad.yaml',
    `${without(without(configOf(), 'routes'), 'policy')}\n${stringify({
      policy: { bundle: 'nothing.tar.gz' },
      routes: [
        { name: 'down', host: '127.0.0.1', port: 1, host_keys: [world.sshd.hostKey] },
        {
          name: 'other',
          host: '127.0.0.1',
          port: world.sshd.port,
          host_keys: [world.workspace.read('alice.pub').trim()],
        },
        { name: '*.lab', host: '{name}.lab', known_hosts: 'known_hosts' },
      ],
    })}`,
  )
  const done = await regate(['check', '--config', file])
  assert.equal(done.code, 1)
  assert.match(done.stdout, /^FAILED {2}policy: .*nothing\.tar\.gz/m)
  assert.match(done.stdout, /^FAILED {2}route down: /m)
  assert.match(done.stdout, /^FAILED {2}route other: the host showed SHA256:\S+, known: SHA256:/m)
  assert.match(done.stdout, /^ok {6}route \*\.lab: a pattern/m)
})
test('check --scan shows the keys, ready to be written down', async () => {
  const done = await regate(['check', '--scan', '--config', world.workspace.path('regate.yaml')])
  assert.ok(done.stdout.includes(`host_keys: ["${world.sshd.hostKey}"]`), done.stdout)
})
test('a configuration that does not read: every fault with its place, and exit code 2', async () => {
  const file = world.workspace.write(
    'worse.yaml',
    [
      'gateway: { listen: 2222, host_keys: [x], lissten: 1 }',
      'ca: { key: a }',
      'policy: { bundle: b, deadline: 50 }',
      `identity: { issuer: "http://idp.example.com", client_id: "$${'{NO_SUCH}'}" }`,
      'store: postgres://db',
      'routes: [{ name: UP, host: h }]',
    ].join('\n'),
  )
  for (const verb of ['check', 'serve']) {
    const done = await regate([verb, '--config', file])
    assert.equal(done.code, 2)
    for (const fault of [
      /worse\.yaml:1:\d+ gateway\.listen: must be an address and a port/,
      /worse\.yaml:1:\d+ gateway\.lissten: is not known; known here: name, listen, host_keys/,
      /worse\.yaml:3:\d+ policy\.deadline: must be a duration such as 50ms/,
      /worse\.yaml:4:\d+: \$\{NO_SUCH\} is not set/,
      /worse\.yaml:5:\d+ store: this version does not support PostgreSQL yet/,
      /worse\.yaml:6:\d+ routes\[0\]\.name: must be a name such as db1/,
    ])
      assert.match(done.stderr, fault)
  }
})
const texts: [rule: string, yaml: string, says: RegExp][] = [
  ['no YAML', 'gateway: [', /no\.yaml:\d+:\d+: /],
  ['a key twice', 'ca: {}\nca: {}', /must be unique/],
  ['nothing', '', /must be object/],
  ['a list', '- a', /must be object/],
]
for (const [rule, yaml, says] of texts)
  test(`a configuration that is ${rule}`, async () => {
    const done = await regate(['check', '--config', world.workspace.write('no.yaml', yaml)])
    assert.deepEqual([done.code, says.test(done.stderr)], [2, true], done.stderr)
  })
test('a configuration that is not there', async () => {
  const done = await regate(['serve', '--config', '/no/such/file'])
  assert.deepEqual([done.code, done.stderr], [2, "regate: ENOENT: no such file or directory, open '/no/such/file'\n"])
})

const keys: [rule: string, prepare: (folder: string) => string, says: RegExp][] = [
  ['that is not there', (folder) => join(folder, 'nothing'), /nothing: there is no such file \(KEY_FILE\)/],
  [
    'that others may read',
    (folder) => {
      copyFileSync(world.workspace.path('user_ca'), join(folder, 'open'))
      chmodSync(join(folder, 'open'), 0o644)
      return join(folder, 'open')
    },
    /is open to others \(mode 0644\): chmod 600 it/,
  ],
  [
    'that is a folder',
    (folder) => {
      mkdirSync(join(folder, 'dir'), { recursive: true })
      return join(folder, 'dir')
    },
    /is no file/,
  ],
  [
    'that is something else',
    (folder) => {
      writeFileSync(join(folder, 'text'), 'hello', { mode: 0o600 })
      return join(folder, 'text')
    },
    /not a private key/,
  ],
  ['that is the host key', () => 'gateway-host', /is both a host key and the user CA/],
  [
    'that is a copy of the host key',
    (folder) => {
      copyFileSync(world.workspace.path('gateway-host'), join(folder, 'copy'))
      return join(folder, 'copy')
    },
    /gateway-host is both a host key and the user CA/,
  ],
]
const hostCas: [rule: string, change: object, says: RegExp][] = [
  ['that is the user CA', { ca: { key: 'user_ca', host_key: 'user_ca' } }, /both the user CA and the host CA/],
  ['that is the host key', { ca: { key: 'user_ca', host_key: 'gateway-host' } }, /both a host key and the host CA/],
  [
    'that has no host key to certify',
    { ca: { key: 'user_ca', host_key: 'alice' }, gateway: { host_keys: ['rsa-host'] } },
    /certifies an Ed25519 host key/,
  ],
]
for (const [rule, change, says] of hostCas)
  test(`a host CA ${rule} stops the start`, async () => {
    if (rule.includes('certify')) world.workspace.key('rsa-host', 'rsa')
    const config = { ...parse(configOf()), ...change }
    const done = await regate(['serve', '--config', world.workspace.write('hostca.yaml', stringify(config))])
    assert.deepEqual([done.code, says.test(done.stderr)], [1, true], done.stderr)
  })
test('names of the gateway without a host CA are a fault of the file', async () => {
  const { gateway, ...others } = parse(configOf()) as { gateway: object }
  const config = { ...others, gateway: { ...gateway, host_names: ['gate.test'] } }
  const done = await regate(['check', '--config', world.workspace.write('names.yaml', stringify(config))])
  assert.deepEqual([done.code, /gateway\.host_names: stand in host certificates/.test(done.stderr)], [2, true])
})
for (const [rule, prepare, says] of keys)
  test(`a CA key file ${rule} stops the start`, async () => {
    const ca = prepare(world.workspace.folder)
    const file = world.workspace.write('key.yaml', `${without(configOf(), 'ca')}\n${stringify({ ca: { key: ca } })}`)
    const done = await regate(['serve', '--config', file])
    assert.deepEqual([done.code, says.test(done.stderr)], [1, true], done.stderr)
  })

test('check finds that the user CA is a copy of the host key, as serve does', async () => {
  copyFileSync(world.workspace.path('gateway-host'), world.workspace.path('same'))
  const file = world.workspace.write('same.yaml', `${without(configOf(), 'ca')}\n${stringify({ ca: { key: 'same' } })}`)
  const done = await regate(['check', '--config', file])
  assert.equal(done.code, 1)
  assert.match(done.stdout, /^FAILED {2}keys: .*gateway-host is both a host key and the user CA/m)
})

// policy

const input = (change: object = {}) =>
  JSON.stringify({
    version: 'ssh/v1',
    identity: {
      subject: 's',
      issuer: 'https://idp',
      username: 'alice',
      groups: ['db-oncall'],
      expires_at: 1_900_000_000,
      claims: {},
      kind: 'person',
      login: { at: 1, flow: 'device', ssh_source_ip: '127.0.0.1' },
    },
    connection: {
      id: 'c',
      source: { ip: '127.0.0.1', port: 1 },
      gateway: 'g',
      client_version: 'SSH-2.0-x',
      kex: 'k',
      jump: false,
    },
    target: { route: 'db1', login: 'postgres', host: 'h', port: 22, principals: 'login', labels: { role: 'postgres' } },
    request: { approvals: [] },
    usage: { sessions: 0 },
    facts: {},
    ...change,
  })
const bundle = ['--bundle', join(project, 'wasm', 'bundle.tar.gz')]
const evaluate = (text: string, ...args: string[]) =>
  regate(['policy', 'eval', '-i', '-', ...bundle, ...args], { input: text })

test('policy eval shows outcome, reasons, and the certificate as ssh-keygen -L would', async () => {
  const done = await evaluate(input())
  assert.equal(done.code, 0, done.stderr)
  assert.match(
    done.stdout,
    /^outcome: allow\ngrant: oncall-database\nreasons:\n {2}oncall-database: on call for the databases\ncertificate:\n {8}Type: ssh-ed25519-cert-v01@openssh\.com user certificate\n {8}Key ID: "alice\/<decision id>"\n {8}Serial: \d+\n {8}Valid: from \S+ to \S+\n {8}Principals: \n {16}postgres\n {8}Critical Options: \(none\)\n {8}Extensions: \n {16}permit-open@regate \["localhost:5432"/,
  )
})
const evaluations: [rule: string, text: string, args: string[], out: unknown, code: number][] = [
  ['a result', input(), ['--json', '-e', 'ssh/offers'], { result: ['postgres'] }, 0],
  ['what is not JSON', '{', ['--json'], { error: { code: 'POLICY_INPUT', message: '- is no JSON text' } }, 1],
  [
    'an unknown entrypoint',
    input(),
    ['--json', '-e', 'ssh/nothing'],
    { error: { code: 'POLICY_BUNDLE', message: 'the module has no entrypoint ssh/nothing' } },
    1,
  ],
]
for (const [rule, text, args, out, code] of evaluations)
  test(`policy eval --json: ${rule}`, async () => {
    const done = await evaluate(text, ...args)
    assert.deepEqual([JSON.parse(done.stdout), done.code], [out, code])
  })
test('policy eval --json: undefined', async () => {
  const done = await regate(
    ['policy', 'eval', '-i', '-', '--bundle', world.workspace.path('bundle.tar.gz'), '--json'],
    { input: '{"identity": {}, "target": {"labels": {}}}' },
  )
  assert.deepEqual([JSON.parse(done.stdout), done.code], [{ undefined: true }, 0])
})
test('policy eval refuses what the gateway would refuse to sign', async () => {
  const done = await evaluate(input({ target: { ...JSON.parse(input()).target, login: 'root' } }))
  assert.match(done.stdout, /^outcome: deny\nreasons:\n {2}no-matching-grant$/m)
})
test('a bundle that is not there', async () => {
  const done = await regate(['policy', 'eval', '-i', '-', '--bundle', '/no/such', '--json'], { input: '{}' })
  assert.deepEqual([JSON.parse(done.stdout).error.code, done.code], ['POLICY_BUNDLE', 1])
})
test('policy build tells what OPA says of a misspelt field', async () => {
  using workspace = makeWorkspace()
  const folder = workspace.path('gate')
  await regate(['init', folder])
  writeFileSync(
    join(folder, 'policies', 'access', 'more.rego'),
    'package ssh\n\ndeny contains {"code": "x", "message": ""} if not input.identity.grops\n',
  )
  const done = await regate([
    'policy',
    'build',
    '--policies',
    join(folder, 'policies'),
    '--output',
    join(folder, 'out.tar.gz'),
  ])
  assert.equal(done.code, 1)
  assert.match(done.stderr, /undefined ref: input\.identity\.grops/)
})

const usage: [rule: string, args: string[]][] = [
  ['an unknown verb', ['frobnicate']],
  ['an unknown option', ['serve', '--frobnicate']],
  ['a missing option', ['policy', 'eval']],
]
for (const [rule, args] of usage)
  test(`wrong usage is exit code 2: ${rule}`, async () => assert.equal((await regate(args)).code, 2))
test('help and version are no mistakes', async () => {
  for (const args of [['--help'], ['serve', '--help'], ['policy', 'eval', '--help'], ['--version']]) {
    const done = await regate(args)
    assert.equal(done.code, 0)
    assert.ok(done.stdout.split('\n').length <= 24)
  }
})

const taken: [rule: string, section: string][] = [
  ['the ssh port', 'gateway'],
  ['the http port', 'http'],
]
for (const [rule, section] of taken)
  test(`an address that is taken is no wrong configuration: ${rule}`, async () => {
    const { workspace, gateway } = world
    const port = section === 'gateway' ? gateway.sshPort : gateway.httpPort
    const config = parse(workspace.read('regate.yaml')) as Record<string, Record<string, unknown>>
    config[section] = { ...config[section], listen: `127.0.0.1:${port}` }
    const file = workspace.write('taken.yaml', stringify({ ...config, store: 'sqlite:taken.db' }))
    const done = await regate(['serve', '--config', file])
    assert.equal(done.code, 1)
    assert.equal(
      done.stderr,
      `regate: ${section}.listen: 127.0.0.1:${port} cannot be had: EADDRINUSE (LISTEN_FAILED)\n`,
    )
  })
