import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findRoute, hostKeysOf, type RouteSettings } from '../../src/gateway/routes.ts'

const route = (name: string, host: string): RouteSettings => ({
  name,
  host,
  port: 22,
  labels: {},
  principals: 'login' as const,
  hostKeys: [],
})
const routes = [
  route('db1', '10.0.3.7'),
  route('*.lab', '{name}.lab.internal'),
  route('*.db.lab', '{name}.db'),
  route('x.lab', '10.0.0.1'),
]

const rows: [rule: string, name: string, host: string | undefined][] = [
  ['a name as it is', 'db1', '10.0.3.7'],
  ['a star is what it stood for', 'web1.lab', 'web1.lab.internal'],
  ['a name goes before a pattern', 'x.lab', '10.0.0.1'],
  ['the longer pattern goes first', 'a.db.lab', 'a.db'],
  ['a star is one label', 'a.b.lab', undefined],
  ['and not nothing', '.lab', undefined],
  ['an unknown name is none', 'db2', undefined],
  ['the pattern itself is no name', '*.lab', undefined],
]
for (const [rule, name, host] of rows) test(rule, () => assert.equal(findRoute(routes, name)?.host, host))

test('the route keeps the name that was asked for', () => assert.equal(findRoute(routes, 'web1.lab')?.name, 'web1.lab'))

test('a known_hosts file that cannot be read makes the host key unknown', () => {
  const found = findRoute([{ ...route('a', 'h'), knownHosts: '/no/such/file' }], 'a')
  assert.ok(found)
  const read = (path: string): never => {
    throw new Error(`${path} is not there`)
  }
  assert.throws(() => hostKeysOf(found, read), { code: 'HOST_KEY_UNKNOWN' })
})
