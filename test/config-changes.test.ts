import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../src/config.ts'
import { restartNeeded } from '../src/config-changes.ts'
import type { Fingerprint, Milliseconds } from '../src/model/units.ts'

const ms = (milliseconds: number): Milliseconds => milliseconds as Milliseconds
const config: Config = {
  gateway: {
    name: 'eu-1',
    listen: { host: '127.0.0.1', port: 2_222 },
    hostKeys: ['/keys/host'],
    keyExchange: 'any',
    loginCase: 'lower',
    proxyProtocolFrom: [],
    hostNames: [],
    shutdownGrace: ms(30_000),
  },
  http: { listen: { host: '127.0.0.1', port: 8_022 }, tokens: [{ name: 'ci', sha256: '00', groups: ['read'] }] },
  ca: { key: { file: '/keys/user_ca' }, alsoTrusted: [], hostAlsoTrusted: [] },
  certificate: { maxTtl: 300, sourceAddress: 'auto' },
  policy: { bundle: '/bundle.tar.gz', deadline: ms(50), poll: ms(5_000), memoryPages: 1_024, workers: 1 },
  identity: {
    issuer: new URL('https://idp.example.com'),
    clientId: 'regate',
    scopes: ['openid'],
    usernameClaims: ['email'],
    groupsClaim: 'groups',
    loginTtl: ms(28_800_000),
    loginFrom: 'prefix',
  },
  workers: 1,
  store: 'sqlite:/regate.db',
  log: { level: 'info', decisionsOnConsole: false },
  limits: { channels: 64 } as Config['limits'],
  routes: [],
}

const taken: [what: string, next: Partial<Config>][] = [
  ['nothing', {}],
  ['routes', { routes: [{ name: 'db1', host: 'db1', port: 22, labels: {}, principals: 'login', hostKeys: [] }] }],
  ['limits', { limits: { channels: 1 } as Config['limits'] }],
  ['tokens', { http: { ...config.http, tokens: [] } }],
  ['the same in other objects', structuredClone({ ...config, identity: {} as Config['identity'] })],
]
for (const [what, next] of taken)
  test(`taken over while it runs: ${what}`, () => {
    assert.deepEqual(restartNeeded(config, { ...config, ...next, identity: config.identity }), [])
  })

const restarts: [section: string, next: Partial<Config>][] = [
  ['gateway', { gateway: { ...config.gateway, defaultRoute: 'db1' } }],
  ['http', { http: { ...config.http, listen: { host: '0.0.0.0', port: 8_022 } } }],
  [
    'ca',
    {
      ca: {
        key: { agent: '/agent.sock', fingerprint: 'SHA256:x' as Fingerprint },
        alsoTrusted: [],
        hostAlsoTrusted: [],
      },
    },
  ],
  ['certificate', { certificate: { maxTtl: 60, sourceAddress: 'auto' } }],
  ['policy', { policy: { ...config.policy, bundle: '/other.tar.gz' } }],
  ['identity', { identity: { ...config.identity, issuer: new URL('https://other.example.com') } }],
  ['identity', { identity: { ...config.identity, clientSecret: 'another' } }],
  ['store', { store: 'sqlite:/other.db' }],
  ['log', { log: { level: 'debug', decisionsOnConsole: false } }],
]
for (const [section, next] of restarts)
  test(`takes a restart: ${Object.keys(next)} ${JSON.stringify(Object.values(next)[0]).slice(0, 60)}`, () => {
    assert.deepEqual(restartNeeded(config, { ...config, ...next }), [section])
  })
test('tokens that change with something else of their section do not hide it', () => {
  const http = { listen: { host: '0.0.0.0', port: 8_022 }, tokens: [] }
  assert.deepEqual(restartNeeded(config, { ...config, http }), ['http'])
})
