import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { wire } from '../../src/model/wire.ts'
import { keysIn, readKnownHosts } from '../../src/ssh/known-hosts.ts'

const key = (fill: number, type = 'ssh-ed25519'): string =>
  `${type} ${wire(type, Buffer.alloc(32, fill)).toString('base64')}`
const [one, two] = [key(1), key(2)]
const salt = Buffer.alloc(20, 3)
const hashed = (name: string): string =>
  `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
const text = ({ type, blob }: { type: string; blob: Buffer }): string => `${type} ${blob.toString('base64')}`

type Found = Partial<Record<'keys' | 'authorities', string[]>>
const rows: [rule: string, file: string, host: string, port: number, found: Found][] = [
  ['a plain name', `db1 ${one}`, 'db1', 22, { keys: [one] }],
  ['one of several', `a,db1,b ${one}`, 'db1', 22, { keys: [one] }],
  ['names are compared without case', `DB1 ${one}`, 'Db1', 22, { keys: [one] }],
  ['another name is another host', `db1 ${one}`, 'db2', 22, {}],
  ['a port stands in brackets', `[db1]:2222 ${one}`, 'db1', 2222, { keys: [one] }],
  ['which the plain name is not', `db1 ${one}`, 'db1', 2222, {}],
  ['nor is it the plain name', `[db1]:2222 ${one}`, 'db1', 22, {}],
  ['an IPv6 address', `[2001:db8::1]:2222 ${one}`, '2001:db8::1', 2222, { keys: [one] }],
  ['a hashed name', `${hashed('db1')} ${one}`, 'db1', 22, { keys: [one] }],
  ['a hashed name with a port', `${hashed('[db1]:2222')} ${one}`, 'db1', 2222, { keys: [one] }],
  ['a hashed name of another host', `${hashed('db2')} ${one}`, 'db1', 22, {}],
  ['a star', `*.lab ${one}`, 'a.lab', 22, { keys: [one] }],
  ['a question mark', `db? ${one}`, 'db1', 22, { keys: [one] }],
  ['a dot is a dot', `db.1 ${one}`, 'dbx1', 22, {}],
  ['a negation takes a name out', `*.lab,!b.lab ${one}`, 'b.lab', 22, {}],
  ['wherever it stands', `!b.lab,*.lab ${one}`, 'b.lab', 22, {}],
  ['a negation alone names nobody', `!b.lab ${one}`, 'a.lab', 22, {}],
  ['a comment is none', `# db1 ${one}`, 'db1', 22, {}],
  ['what follows the key is a comment', `db1 ${one} root@db1`, 'db1', 22, { keys: [one] }],
  ['several lines, several keys', `db1 ${one}\r\n\n  db1\t${two}`, 'db1', 22, { keys: [one, two] }],
  ['a certificate authority is no host key', `@cert-authority db1 ${one}`, 'db1', 22, { authorities: [one] }],
  ['it serves the hosts that it names', `@cert-authority *.lab,!x.lab ${one}`, 'x.lab', 22, {}],
  ['and at any port', `@cert-authority *.lab ${one}`, 'a.lab', 2222, { authorities: [one] }],
  ['kinds that no host is asked for are passed over', `db1 ${key(1, 'ssh-dss')}`, 'db1', 22, {}],
]
for (const [rule, file, host, port, found] of rows)
  test(`known_hosts: ${rule}`, () => {
    const parsed = readKnownHosts(file)
    assert.deepEqual(parsed.faults, [])
    const { keys, authorities } = keysIn(parsed, host, port)
    assert.deepEqual(
      { keys: keys.map(text), authorities: authorities.map(text) },
      { keys: [], authorities: [], ...found },
    )
  })

test('known_hosts: a revoked key is one for every host, of whatever kind it is', () => {
  const dss = key(9, 'ssh-dss')
  const { revoked } = keysIn(readKnownHosts(`@revoked other ${one}\n@revoked * ${dss}`), 'db1', 22)
  assert.deepEqual(
    revoked.map((blob) => blob.toString('base64')),
    [one, dss].map((line) => line.split(' ')[1]),
  )
})

const broken: [rule: string, line: string, message: RegExp][] = [
  ['a key that is no base64', 'db1 ssh-ed25519 !!!', /not a public key/],
  [
    'a key that is cut short',
    `db1 ssh-ed25519 ${wire('ssh-ed25519', 'short').toString('base64')}`,
    /not a ssh-ed25519/,
  ],
  ['a key of another kind than it says', `db1 ssh-rsa ${one.split(' ')[1]}`, /something else/],
  ['no key', 'db1 ssh-ed25519', /expected/],
  ['an unknown marker', `@other db1 ${one}`, /unknown marker @other/],
  ['an authority of a kind that is not taken', `@cert-authority * ${key(1, 'ssh-dss')}`, /ssh-dss is not taken/],
  ['a hashed name that is cut short', `|1|AAAA|AAAA ${one}`, /hashed name/],
  ['a hash of another kind', `|2|${salt.toString('base64')}|${salt.toString('base64')} ${one}`, /hashed name/],
  ['an empty pattern', `a,,b ${one}`, /empty pattern/],
  ['a pattern without end', `${'a'.repeat(300)} ${one}`, /more than 256/],
]
for (const [rule, line, message] of broken)
  test(`known_hosts: ${rule} is told with its line, and the other lines count`, () => {
    const parsed = readKnownHosts(`# first\n${line}\ndb1 ${two}`)
    assert.deepEqual(
      parsed.faults.map(({ line }) => line),
      [2],
    )
    assert.match(parsed.faults[0]?.message ?? '', message)
    assert.deepEqual(keysIn(parsed, 'db1', 22).keys.map(text), [two])
  })

test('known_hosts: a revocation that does not read closes the file for every host', () => {
  const parsed = readKnownHosts(`db1 ${one}\n@revoked * ssh-ed25519 !!!`)
  assert.throws(() => keysIn(parsed, 'db1', 22), { code: 'HOST_KEY_UNKNOWN', message: /^line 2: / })
})

test('known_hosts: whatever the text, each line is read, passed over or told, and no pattern takes long', () => {
  const piece = fc.constantFrom(
    'db1',
    '*',
    '?',
    '!',
    ',',
    '|1|',
    '@revoked',
    '@cert-authority',
    ' ',
    '\n',
    one,
    two,
    '#',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => {
      const parsed = readKnownHosts(pieces.join(''))
      if (!parsed.faults.some(({ closes }) => closes)) keysIn(parsed, 'db1', 22)
    }),
  )
  const begun = performance.now()
  keysIn(readKnownHosts(`${'*a'.repeat(120)}b ${one}`), 'a'.repeat(250), 22)
  assert.ok(performance.now() - begun < 20_000, 'no search through all ways to match')
})
