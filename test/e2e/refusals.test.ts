import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import type { CertificateRequest } from '../../src/model/certificate.ts'
import type { ErrorCode } from '../../src/model/errors.ts'
import { isPrintable } from '../../src/model/text.ts'
import { run, start } from '../support/process.ts'
import { startSshd } from '../support/sshd.ts'
import { api, startWorld, type World } from '../support/world.ts'

/*
 * Everything that keeps the door shut, as the person hears it and as it stands in the log: each refusal is told in words of
 * its own, has an id, is on record, and none of them leaves a session behind.
 */
const exec = { 'permit-exec@regate': ['*'] }
const labelled = (decision: unknown): { labels: { decision: string } } => ({
  labels: { decision: JSON.stringify(decision) },
})
const allowed = (change: Partial<CertificateRequest> & Record<string, unknown> = {}) => ({
  version: 'ssh/v1',
  outcome: 'allow',
  certificate: { principals: ['postgres'], ttl: 60, extensions: exec, ...change },
})
const challenge = (...require: object[]) => ({ version: 'ssh/v1', outcome: 'challenge', require })

/** A route for each decision that a policy could write. */
const decisions: Record<string, unknown> = {
  fine: allowed(),
  denied: { version: 'ssh/v1', outcome: 'deny', reasons: [{ code: 'no-matching-grant', message: '' }] },
  reasoned: {
    version: 'ssh/v1',
    outcome: 'deny',
    reasons: [
      { code: 'hours', message: 'prod only in office hours' },
      { code: 'mfa', message: 'sign in with \u001b]0;x\u0007MFA' },
    ],
  },
  unknownkey: { ...allowed(), extra: true },
  wrongversion: { ...allowed(), version: 'ssh/v2' },
  nocertificate: { version: 'ssh/v1', outcome: 'allow' },
  text: 'allow',
  nullish: null,
  nottl: { ...allowed(), certificate: { principals: ['postgres'] } },
  ttltext: allowed({ ttl: '60' } as never),
  ttlhuge: allowed({ ttl: 301 }),
  ttlnegative: allowed({ ttl: -1 }),
  noprincipals: allowed({ principals: [] }),
  comma: allowed({ principals: ['postgres,root'] }),
  recorded: allowed({ extensions: { ...exec, 'record-session@regate': 'full' } }),
  unknownextension: allowed({ extensions: { ...exec, 'permit-anything@regate': '' } as never }),
  verify: allowed({ critical_options: { 'verify-required': '' } as never }),
  reason: challenge({ type: 'reason', prompt: 'Ticket?' }),
  approval: challenge({ type: 'approval', from: ['leads'], count: 1, within: 60 }),
  stepup: challenge({ type: 'login', max_age: 60 }),
}

let world: World
before(async () => {
  world = await startWorld({
    config: ({ sshd, workspace }) => {
      const route = { host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey] }
      const stranger = workspace.key('stranger')
      const other = execFileSync('ssh-keygen', ['-y', '-f', stranger], { encoding: 'utf8' }).trim()
      return {
        routes: [
          ...Object.entries(decisions).map(([name, decision]) => ({ ...route, name, ...labelled(decision) })),
          { ...route, name: 'mismatch', host_keys: [other], ...labelled(allowed()) },
          {
            ...route,
            name: 'unknown',
            host_keys: undefined,
            known_hosts: workspace.write('empty_hosts', ''),
            ...labelled(allowed()),
          },
          {
            ...route,
            name: 'knownhosts',
            host_keys: undefined,
            known_hosts: workspace.write('target_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`),
            ...labelled(allowed()),
          },
          { ...route, name: 'down', port: 1, ...labelled(allowed()) },
          { ...route, name: 'noaccount', ...labelled(allowed({ principals: ['nobody'] })) },
        ],
      }
    },
  })
  assert.equal((await world.ssh('fine', ['true'])).code, 0)
})
after(() => world[Symbol.asyncDispose]())

const nobody = (asked: string): RegExp =>
  new RegExp(`regate: no access to ${asked}, or no such route \\(decision [0-9a-f-]{36}\\)`)

const rows: [rule: string, route: string, code: ErrorCode, says: RegExp][] = [
  ['a denial without a message tells nothing', 'denied', 'DENIED_BY_POLICY', nobody('postgres@denied')],
  ['a route that is not there is told in the same words', 'nosuch', 'ROUTE_UNKNOWN', nobody('postgres@nosuch')],
  [
    'the policy’s own words, without their control characters',
    'reasoned',
    'DENIED_BY_POLICY',
    /denied by policy: prod only in office hours \[hours\] \(decision \S+\)\n +sign in with \?\]0;x\?MFA \[mfa\]/,
  ],
  ['an unknown key denies', 'unknownkey', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['another version of the contract denies', 'wrongversion', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['allowed without a certificate denies', 'nocertificate', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a text is no decision', 'text', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['null is none', 'nullish', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a certificate without a ttl', 'nottl', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a ttl that is a text', 'ttltext', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a ttl over the cap', 'ttlhuge', 'CERTIFICATE_TTL', /CERTIFICATE_TTL/],
  ['a negative ttl', 'ttlnegative', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['no principals', 'noprincipals', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a principal with a comma', 'comma', 'CERTIFICATE_PRINCIPAL', /CERTIFICATE_PRINCIPAL/],
  ['a recording that is not made yet', 'recorded', 'CERTIFICATE_OPTION_UNENFORCED', /CERTIFICATE_OPTION_UNENFORCED/],
  ['an extension that no table knows', 'unknownextension', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['an option that speaks of our key', 'verify', 'DECISION_SHAPE', /DECISION_SHAPE/],
  ['a demand for a reason', 'reason', 'CHALLENGE_UNSUPPORTED', /wants something that this gateway cannot ask you for/],
  ['for an approval', 'approval', 'CHALLENGE_UNSUPPORTED', /CHALLENGE_UNSUPPORTED/],
  ['for a stronger sign-in', 'stepup', 'CHALLENGE_UNSUPPORTED', /CHALLENGE_UNSUPPORTED/],
  [
    'a host key that is another',
    'mismatch',
    'HOST_KEY_MISMATCH',
    /the host key of mismatch is not the known one, so nothing was sent to it/,
  ],
  ['a host key that nobody knows', 'unknown', 'HOST_KEY_UNKNOWN', /the host key of unknown is not known here/],
  ['a target that is down', 'down', 'TARGET_UNREACHABLE', /regate: down cannot be reached/],
]
for (const [rule, route, code, says] of rows)
  test(rule, async () => {
    const done = await world.ssh(route, ['true'], { options: ['-o', 'BatchMode=yes'] })
    assert.deepEqual([done.code, done.stdout], [255, ''])
    assert.match(done.stderr, says)
    const [event] = await world.events()
    assert.deepEqual([event?.input.target.route, event?.mapped_result], [route, { outcome: 'deny', code }])
    assert.ok(done.stderr.includes(event?.decision_id ?? '?'), 'the person sees the id')
    // The description of the disconnect is what a client in batch mode sees.
    assert.match(done.stderr, /Received disconnect from \S+ port \d+:14: /)
  })

test('a known_hosts file is as good as a list of keys', async () => {
  assert.equal((await world.ssh('knownhosts', ['echo in'])).stdout, 'in\n')
})

test('a denied route and one that is not there take the same time', async () => {
  const time = async (route: string): Promise<number> => {
    const begun = performance.now()
    await world.ssh(route, ['true'])
    return performance.now() - begun
  }
  const least = { denied: Number.POSITIVE_INFINITY, nosuch: Number.POSITIVE_INFINITY }
  // What tells them apart inside is well under a millisecond; a refusal is told 100 ms after the question. What else the machine
  // does makes some of them longer, and none shorter: where that is much it takes more rounds until neither has had any of it.
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    for (let round = 0; round < 12; round++)
      for (const route of ['denied', 'nosuch'] as const) least[route] = Math.min(least[route], await time(route))
    if (Math.abs(least.denied - least.nosuch) < 40) return
  }
  assert.fail(JSON.stringify(least))
})

const names: [rule: string, user: string][] = [
  ['a route alone', '@fine'],
  ['nothing but a separator', '@'],
  ['upper case', 'Root@fine'],
  ['an option', '-oProxyCommand=id@fine'],
  ['two routes', 'a@b@fine'],
  ['a blank', 'a b@fine'],
  ['a control character', 'a\u0007b@fine'],
  ['something very long', `${'a'.repeat(3_000)}@fine`],
]
for (const [rule, user] of names)
  test(`a user name that is none is refused before the policy is asked: ${rule}`, async () => {
    const before = (await world.events()).length
    const done = await run('ssh', ['-F', world.config, '-l', user, 'fine', 'true'])
    assert.match(
      done.stderr,
      /user names are written login@route, as in: ssh root@db1@gate\.example\.com|remote username contains invalid characters/,
    )
    assert.equal((await world.events()).length, before)
  })
test('bytes that are no UTF-8 are no user name', async () => {
  const done = await run('bash', ['-c', `ssh -F ${world.config} -l $'r\\xfft@fine' fine true`])
  assert.match(done.stderr, /NAME_GRAMMAR/)
})
test('the refusal says how a user name is written', async () => {
  const done = await run('ssh', ['-T', '-F', world.config, '-l', 'Root', 'gate'])
  assert.match(
    done.stderr,
    /^regate: user names are written login@route, as in: ssh root@db1@gate\.example\.com \(NAME_GRAMMAR\)\n/,
  )
})

test('a login that the target lacks is the target’s refusal, and what was issued stays on record', async () => {
  const done = await world.ssh('fine', ['true'], { login: 'ghost' })
  assert.match(done.stderr, /CERTIFICATE_LOGIN/)
  const refused = await world.ssh('noaccount', ['true'], { login: 'nobody' })
  assert.match(
    refused.stderr,
    /regate: noaccount itself refused the login nobody: it may lack the account, or not trust this gateway \(TARGET_REFUSED, decision/,
  )
  const [event] = await world.events()
  assert.equal(event?.mapped_result.outcome, 'allow')
  assert.ok(refused.stderr.includes(event?.decision_id ?? '?'))
})

test('a target that does not trust the CA', async () => {
  const other = world.workspace.key('other-ca')
  await using sshd = await startSshd(
    world.workspace,
    execFileSync('ssh-keygen', ['-y', '-f', other], { encoding: 'utf8' }),
    'distrustful',
  )
  await using strange = await startWorld({
    config: () => ({
      routes: [{ name: 'db1', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey], ...labelled(allowed()) }],
    }),
  })
  assert.match((await strange.ssh('db1', ['true'])).stderr, /TARGET_REFUSED/)
})

const silent: [rule: string, say: string, handshake: string, code: ErrorCode][] = [
  ['says nothing', '', '500ms', 'TARGET_TIMEOUT'],
  ['says something else', 'HTTP/1.1 400 Bad Request\r\n\r\n', '500ms', 'TARGET_TIMEOUT'],
  ['breaks off', 'SSH-2.0-x\r\n\0\0\0\x0cgarbage-garbage-garbage', '60s', 'TARGET_PROTOCOL'],
]
for (const [rule, say, handshake, code] of silent)
  test(`a target that ${rule}`, async () => {
    const server = createServer((socket) => socket.on('error', () => {}).write(say)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await using slow = await startWorld({
      config: ({ sshd }) => ({
        limits: { handshake },
        routes: [{ name: 'db1', host: '127.0.0.1', port, host_keys: [sshd.hostKey], ...labelled(allowed()) }],
      }),
    })
    const done = await slow.ssh('db1', ['true'])
    assert.match(done.stderr, new RegExp(code), slow.gateway.lines.join('\n'))
    server.close()
  })

// Policies that fail

const policy = (body: string): string => `package ssh

# METADATA
# entrypoint: true
# scope: document
${body}
`
const signIn =
  'decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity'
const failing: [rule: string, rego: string, code: ErrorCode, recorded: string | undefined, limits?: object][] = [
  ['a policy that is undefined', policy(signIn), 'POLICY_UNDEFINED', undefined],
  [
    'one that contradicts itself',
    policy(`${signIn}\ndecision := {"outcome": x} if { input.identity; some x in ["allow", "deny"] }`),
    'POLICY_CONFLICT',
    'POLICY_CONFLICT',
  ],
  [
    'one that never ends',
    policy(
      `${signIn}\ndecision := count([1 | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); a == b]) if input.identity`,
    ),
    'POLICY_TIMEOUT',
    'POLICY_TIMEOUT',
    { deadline: '100ms' },
  ],
  [
    'one that wants all memory',
    policy(`${signIn}\ndecision := count(numbers.range(1, 5000000)) if input.identity`),
    'POLICY_MEMORY',
    'POLICY_MEMORY',
    { deadline: '10s', memory: '8MiB' },
  ],
  [
    'one whose built-in fails',
    policy(`${signIn}\ndecision := time.weekday([1, "No/Such"]) if input.identity`),
    'POLICY_BUILTIN_FAILED',
    'POLICY_BUILTIN_FAILED',
  ],
]
for (const [rule, rego, code, recorded, limits = { deadline: '10s' }] of failing)
  test(`${rule} denies, and harms nobody else`, async () => {
    await using failingWorld = await startWorld({
      policy: rego,
      config: ({ sshd }) => ({
        policy: { bundle: 'bundle.tar.gz', ...limits },
        routes: [{ name: 'db1', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey] }],
      }),
    })
    for (let round = 0; round < 3; round++)
      assert.match((await failingWorld.ssh('db1', ['true'])).stderr, new RegExp(code))
    const events = await failingWorld.events()
    assert.equal(events.length, 3)
    for (const event of events)
      assert.deepEqual([event.mapped_result, event.error?.code], [{ outcome: 'deny', code }, recorded])
    assert.equal((await api(failingWorld.gateway, '/health/ready')).status, 200)
  })

test('what a policy said by the clock can be asked again', async () => {
  await using timed = await startWorld({
    policy: policy(
      `${signIn}\ndecision := {"version": "ssh/v1", "outcome": "deny"} if { input.identity; time.now_ns() > 0 }`,
    ),
    config: ({ sshd }) => ({
      routes: [{ name: 'db1', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey] }],
    }),
  })
  await timed.ssh('db1', ['true'])
  const text = await (await api(timed.gateway, '/v1/decisions')).text()
  assert.match(text, /"nd_builtin_cache":\{"time\.now_ns":\{"\[\]":\d{19}\}\}/)
})

// Bundles that cannot be used

const broken: [rule: string, spoil: (path: string) => void, why: RegExp][] = [
  ['that is not there', (path) => writeFileSync(path, ''), /./],
  ['that is truncated', (path) => truncateSync(path, 5_000), /unexpected end of file|incorrect/i],
  ['that is huge', (path) => truncateSync(path, 17 * 1024 * 1024), /at most 16777216 are read/],
  ['that is something else', (path) => writeFileSync(path, 'hello'), /incorrect header check/],
]
for (const [rule, spoil, why] of broken)
  test(`a bundle ${rule}: not ready, everyone denied, and the log says why`, async () => {
    await using useless = await startWorld({
      spoilBundle: spoil,
      config: ({ sshd }) => ({
        routes: [{ name: 'db1', host: '127.0.0.1', port: sshd.port, host_keys: [sshd.hostKey] }],
      }),
    })
    const health = await api(useless.gateway, '/health/ready')
    const said = (await health.json()) as { status: string; faults: { policy: string } }
    assert.deepEqual([health.status, said.status], [503, 'not ready'])
    assert.equal(said.faults.policy, 'POLICY_BUNDLE: a policy bundle that cannot be used') // and no path
    assert.match(await useless.gateway.line(/no policy: everyone is denied/), why)
    assert.equal((await api(useless.gateway, '/health/live')).status, 200)
    assert.match(
      (await useless.ssh('db1', ['true'])).stderr,
      /no policy is in force, so nobody is let in \(POLICY_MISSING, decision/,
    )
    // No policy says who may read.
    assert.equal((await api(useless.gateway, '/v1/decisions')).status, 503)
  })
const unusable: [rule: string, rego: string, why: RegExp][] = [
  ['without the entrypoint', 'package other\n\n# METADATA\n# entrypoint: true\np := 1\n', /ssh\/decision/],
  [
    'that needs a built-in which is not served',
    policy(
      'decision := x if { r := http.send({"method": "get", "url": "http://127.0.0.1"}); x := r.body; input.identity }',
    ),
    /http\.send/,
  ],
]
for (const [rule, rego, why] of unusable)
  test(`a bundle ${rule} is refused by name`, async () => {
    await using useless = await startWorld({ policy: rego })
    assert.match(await useless.gateway.line(/no policy: everyone is denied/), why)
  })

// A log that cannot be written

test('a store that is locked lets nobody in, and does again when it is free', async () => {
  await using stuck = await startWorld({ certificates: { db1: { extensions: exec } } })
  assert.equal((await stuck.ssh('db1', ['true'])).code, 0)
  const lock = `import sqlite3,sys
c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin exclusive'); print('locked', flush=True); sys.stdin.readline(); c.execute('rollback')`
  await using locker = start('python3', ['-c', lock, stuck.workspace.path('regate.db')])
  await locker.line(/locked/)
  const refused = await stuck.ssh('db1', ['true'])
  assert.match(
    refused.stderr,
    /the decision could not be written down, so nobody is let in \(LOG_NOT_DURABLE|STORE_UNAVAILABLE/,
  )
  assert.equal(refused.code, 255)
  await locker.stop('SIGKILL')
  assert.equal((await stuck.ssh('db1', ['echo in'])).stdout, 'in\n')
})

test('no text that others wrote has a control character in the log', async () => {
  await run('bash', [
    '-c',
    `printf 'SSH-2.0-x\\033]0;evil\\007\\r\\n' | timeout 2 nc 127.0.0.1 ${world.gateway.sshPort}`,
  ])
  await world.gateway.line(/evil/)
  const texts: string[] = []
  const collect = (_key: string, value: unknown): unknown => {
    if (typeof value === 'string') texts.push(value)
    return value
  }
  const events = await (await api(world.gateway, '/v1/decisions?limit=500')).text()
  for (const line of [...world.gateway.lines, events]) JSON.parse(line, collect)
  assert.deepEqual(
    texts.filter((text) => !isPrintable(text)),
    [],
  )
  assert.ok(texts.length > 100)
})
