import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { type Config, readConfig } from '../src/config.ts'
import { ConfigError } from '../src/config-error.ts'
import { makeWorkspace } from './support/workspace.ts'

/** A valid file; a test changes a section of it. */
const written = {
  gateway: { host_keys: ['host'] },
  ca: { key: 'ca' },
  policy: { bundle: 'bundle.tar.gz' },
  identity: { issuer: 'https://idp.example.com', client_id: 'regate' },
  routes: [],
}

function read(text: string): Config {
  using workspace = makeWorkspace()
  return readConfig(workspace.write('regate.yaml', text), {})
}
const configured = (change: object): Config => read(stringify({ ...written, ...change }))

function problems(text: string): readonly string[] {
  try {
    read(text)
  } catch (thrown) {
    if (thrown instanceof ConfigError)
      return thrown.problems.map(({ where, message }) => `${where.replace(/^.*regate\.yaml:/, '')}: ${message}`)
    throw thrown
  }
  return []
}

test('what is not written has its default', () => {
  const { gateway, certificate, identity } = configured({})
  assert.deepEqual(
    [gateway.listen, certificate, identity.loginTtl],
    [{ host: '0.0.0.0', port: 2222 }, { maxTtl: 300, sourceAddress: 'auto' }, 28_800_000],
  )
})

const sources: [rule: string, written: unknown, stands: unknown][] = [
  ['auto', 'auto', 'auto'],
  ['off', 'off', 'off'],
  ['a network', ['10.0.0.0/8'], ['10.0.0.0/8']],
  ['an address is a network of one', ['10.0.0.1', '2001:DB8::1'], ['10.0.0.1/32', '2001:db8::1/128']],
]
for (const [rule, source_address, stands] of sources)
  test(`source_address: ${rule}`, () =>
    assert.deepEqual(configured({ certificate: { source_address } }).certificate.sourceAddress, stands))

test('problems stand in the order of the file, whoever found them', () => {
  const text = [
    'routes: [{ name: db1, host: h }]',
    'gateway: { host_keys: [x] }',
    'certificate: { source_address: [10.0.0.1/8, x] }',
    'ca: { key: a }',
    'identity: { issuer: "http://idp.example.com", client_id: c }',
    'policy: { bundle: b }',
  ].join('\n')
  assert.deepEqual(problems(text), [
    '1:10 routes[0]: needs host_keys or known_hosts: a target whose host key is not known is not gone to',
    '3:33 certificate.source_address[0]: 10.0.0.1/8 is no CIDR',
    '3:45 certificate.source_address[1]: x is no CIDR',
    '5:21 identity.issuer: must be https; http is taken for loopback addresses only',
  ])
})
test('so do faults of its shape, and variables that are not set', () => {
  const text = [
    'gateway: { listen: 1, host_keys: [x], name: "$' + '{UNSET}" }',
    'nonsense: 1',
    'ca: { key: a }',
    'policy: { bundle: b, deadline: 50 }',
    'identity: { issuer: "https://idp.example.com", client_id: c, flow: browser }',
    'routes: []',
  ].join('\n')
  assert.deepEqual(
    problems(text).map((problem) => problem.split(/[: ]/)[0]),
    ['1', '1', '1', '2', '4', '5'],
  )
})

test('penalties are OpenSSH 9.8’s unless something else is written', () => {
  const { penalties } = configured({ limits: { penalties: { noauth: '0s', exempt: ['10.0.0.0/8', '::1'] } } }).limits
  assert.deepEqual(penalties, {
    amounts: { 'crash': 90_000, 'authfail': 5_000, 'grace-exceeded': 10_000, 'refuse-connection': 10_000, 'noauth': 0 },
    least: 15_000,
    most: 600_000,
    sources: 65_536,
    overflow: 'permissive',
    exempt: ['10.0.0.0/8', '::1/128'],
  })
})
const wrong: [rule: string, change: object, problem: RegExp][] = [
  ['an exempt name', { limits: { penalties: { exempt: ['db1'] } } }, /exempt.*db1 is no CIDR/],
  ['a penalty that is not known', { limits: { penalties: { spam: '1s' } } }, /spam/],
  ['a most below the least', { limits: { penalties: { min: '20m' } } }, /is less than min/],
  ['a most without end', { limits: { penalties: { max: '2d' } } }, /is more than 1d/],
  ['a proxy that is no network', { gateway: { ...written.gateway, proxy_protocol_from: ['10.0.0.1/8'] } }, /no CIDR/],
]
for (const [rule, change, problem] of wrong)
  test(`refused: ${rule}`, () => assert.match(problems(stringify({ ...written, ...change })).join('\n'), problem))
