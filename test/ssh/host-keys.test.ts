import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { wire } from '../../src/model/wire.ts'
import { algorithmsFor, checkHostKey, knownHosts, parseHostKey } from '../../src/ssh/host-keys.ts'

const key = (fill: number, type = 'ssh-ed25519'): string =>
  `${type} ${wire(type, Buffer.alloc(32, fill)).toString('base64')}`
const [one, two] = [key(1), key(2)]
const salt = Buffer.alloc(20, 3)
const hashed = (name: string): string =>
  `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`

const rows: [rule: string, file: string, host: string, port: number, found: string[]][] = [
  ['a plain name', `db1 ${one}`, 'db1', 22, [one]],
  ['one of several', `a,db1,b ${one}`, 'db1', 22, [one]],
  ['names are compared without case', `DB1 ${one}`, 'db1', 22, [one]],
  ['another name is another host', `db1 ${one}`, 'db2', 22, []],
  ['a port stands in brackets', `[db1]:2222 ${one}`, 'db1', 2222, [one]],
  ['which the plain name is not', `db1 ${one}`, 'db1', 2222, []],
  ['a hashed name', `${hashed('db1')} ${one}`, 'db1', 22, [one]],
  ['of another host', `${hashed('db2')} ${one}`, 'db1', 22, []],
  ['a star', `*.lab ${one}`, 'a.lab', 22, [one]],
  ['a question mark', `db? ${one}`, 'db1', 22, [one]],
  ['a dot is a dot', `db.1 ${one}`, 'dbx1', 22, []],
  ['a negation takes a name out', `*.lab,!b.lab ${one}`, 'b.lab', 22, []],
  ['a comment is none', `# db1 ${one}`, 'db1', 22, []],
  ['what follows the key is a comment', `db1 ${one} root@db1`, 'db1', 22, [one]],
  ['several lines, several keys', `db1 ${one}\ndb1 ${two}`, 'db1', 22, [one, two]],
  ['a revoked key is no key, wherever the line stands', `db1 ${one}\n@revoked * ${one}`, 'db1', 22, []],
  ['a certificate authority is no host key', `@cert-authority db1 ${one}`, 'db1', 22, []],
  ['an unknown marker is passed over', `@other db1 ${one}`, 'db1', 22, []],
  ['a broken line is passed over', `db1 ssh-ed25519 !!!\ndb1 ${two}`, 'db1', 22, [two]],
]
for (const [rule, file, host, port, found] of rows)
  test(`known_hosts: ${rule}`, () =>
    assert.deepEqual(
      knownHosts(file, host, port).map(({ type, blob }) => `${type} ${blob.toString('base64')}`),
      found,
    ))

test('a known key passes', () => checkHostKey({ keys: [parseHostKey(one)] }, parseHostKey(one).blob))
test('another key is refused with both fingerprints', () => {
  const known = { keys: [parseHostKey(one)] }
  assert.throws(() => checkHostKey(known, parseHostKey(two).blob), {
    code: 'HOST_KEY_MISMATCH',
    message: /showed SHA256:\S+, known: SHA256:\S+$/,
  })
})
test('without a known key no key is right', () =>
  assert.throws(() => checkHostKey({ keys: [] }, parseHostKey(one).blob), { code: 'HOST_KEY_UNKNOWN' }))
test('a target is asked for the kinds of key that are known', () => {
  const rsa = parseHostKey(key(1, 'ssh-rsa'))
  assert.deepEqual(algorithmsFor({ keys: [rsa, parseHostKey(one)] }), ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'])
})
for (const text of [
  '',
  'ssh-ed25519',
  'ssh-ed25519 AAAA',
  `ssh-rsa ${one.split(' ')[1]}`,
  key(1, 'ssh-dss'),
  `x ${one}`,
])
  test(`${JSON.stringify(text.slice(0, 20))} is no host key`, () => assert.throws(() => parseHostKey(text), Error))
