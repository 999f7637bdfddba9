import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRobots, type Robot } from '../../src/identity/robots-file.ts'
import { wire } from '../../src/model/wire.ts'

/** The n-th of many Ed25519 keys, as `.pub` files have it. */
const key = (n = 1): string => `ssh-ed25519 ${wire('ssh-ed25519', Buffer.alloc(32, n)).toString('base64')}`
const shortRsa = `ssh-rsa ${wire('ssh-rsa', Buffer.of(1, 0, 1), Buffer.concat([Buffer.of(0), Buffer.alloc(256, 0xff)])).toString('base64')}`
const parse = (text: string) => parseRobots('robots.keys', text, 3_072)

const taken: [rule: string, line: string, robot: Partial<Robot>][] = [
  ['a name is enough', `username="ci" ${key()}`, { username: 'ci', groups: [] }],
  ['a comment may follow', `username="ci" ${key()} the runner, room 3`, { username: 'ci' }],
  ['blanks before it', `  \tusername="ci" ${key()}`, { username: 'ci' }],
  ['several blanks between', `username="ci" \t ${key().replace(' ', '\t ')}`, { username: 'ci' }],
  ['names of options in any letter case', `UserName="ci",GROUPS="a" ${key()}`, { username: 'ci', groups: ['a'] }],
  ['groups, parted by commas', `username="ci",groups="deploy,web hosts" ${key()}`, { groups: ['deploy', 'web hosts'] }],
  ['a quote within quotes', `username="ci",groups="the \\"a\\" team" ${key()}`, { groups: ['the "a" team'] }],
  ['any other backslash is one', `username="ci",groups="a\\b" ${key()}`, { groups: ['a\\b'] }],
  ['in any order', `groups="a",username="ci" ${key()}`, { username: 'ci', groups: ['a'] }],
  [
    'a time',
    `expiry-time="20300102Z",username="ci" ${key()}`,
    { expiresAt: Date.UTC(2030, 0, 2) / 1000 } as Partial<Robot>,
  ],
  ['a line that ends as on Windows', `username="ci" ${key()}\r`, { username: 'ci' }],
]
for (const [rule, line, part] of taken)
  test(`taken: ${rule}`, () => {
    const { robots, problems } = parse(line)
    assert.deepEqual(problems, [])
    const [robot] = robots
    assert.deepEqual({ ...robot, ...part }, robot)
    assert.equal(robot?.key.type, 'ssh-ed25519')
  })

const refused: [rule: string, line: string, problems: (string | RegExp)[]][] = [
  ['a key that is nobody’s', key(), ['username="…" is missing: whose key is it?']],
  [
    'an option that is not known',
    `username="ci",no-pty ${key()}`,
    [/option no-pty is not known; known here: username, /],
  ],
  ['sshd’s own command option', `username="ci",command="id" ${key()}`, [/option command is not known/]],
  ['an option twice', `username="ci",username="cd" ${key()}`, ['option username twice']],
  ['an option without its value', `username ${key()}`, ['option username wants a value: username="…"', /is missing/]],
  [
    'a value without quotes',
    `username=ci ${key()}`,
    [/option username wants a value/, /no comma between options: =ci/],
  ],
  ['a blank between options', `username="ci", groups="a" ${key()}`, ['a comma after the last option']],
  ['a comma at the end', `username="ci", ${key()}`, ['a comma after the last option']],
  ['two commas', `username="ci",,groups="a" ${key()}`, [/do not read from here on: ,groups/]],
  ['a quote that does not end', `username="ci ${key()}`, ['a quote that does not end']],
  ['no key', 'username="ci"', ['no key where one should be: "ssh-ed25519 AAAA…"']],
  ['an empty name', `username="" ${key()}`, [/username is none/]],
  ['a name with a slash', `username="a/b" ${key()}`, [/username is none/]],
  ['a name of 65 characters', `username="${'a'.repeat(65)}" ${key()}`, [/username is none/]],
  ['an empty group', `username="ci",groups="a,,b" ${key()}`, ['a group is none: ""']],
  ['no group at all', `username="ci",groups="" ${key()}`, ['a group is none: ""']],
  ['a group with a blank before it', `username="ci",groups="a, b" ${key()}`, ['a group is none: " b"']],
  ['a group with a control character', `username="ci",groups="a\x1b[m" ${key()}`, ['a group is none: "a?[m"']],
  ['a time that is none', `username="ci",expiry-time="tomorrow" ${key()}`, [/expiry-time is no time: tomorrow/]],
  ['a host by name', `username="ci",from="ci.example.com" ${key()}`, [/from: "ci\.example\.com" is no address/]],
  ['base64 that is none', 'username="ci" ssh-ed25519 AAAA=AAAA', [/no key where one should be/]],
  ['base64 with loose ends', `username="ci" ssh-ed25519 AAAB`, ['the key does not read']],
  ['a key with a byte more', `username="ci" ${key()}AAAA`, [/no key|does not read|base64/]],
  [
    'a key of another kind than it says',
    `username="ci" ${key().replace('ed25519', 'rsa')}`,
    [/is of kind ssh-ed25519, not ssh-rsa/],
  ],
  ['a short RSA key', `username="ci" ${shortRsa}`, ['RSA keys must have at least 3072 bits, not 2048']],
  [
    'a FIDO key',
    `username="ci" sk-ssh-ed25519@openssh.com ${wire('sk-ssh-ed25519@openssh.com', Buffer.alloc(32), 'ssh:').toString('base64')}`,
    [/^FIDO keys want to be touched/],
  ],
  ['a line that is too long', `username="ci" ${key()} ${'x'.repeat(20_000)}`, ['a line of more than 16384 characters']],
  [
    'all faults of a line at once',
    `username="",groups="",expiry-time="x",from="y",nothing ${key()}`,
    [/nothing is not known/, /username is none/, /a group is none/, /no time/, /from: "y"/],
  ],
]
for (const [rule, line, expected] of refused)
  test(`refused: ${rule}`, () => {
    const { robots, problems } = parse(`# a comment\n\n${line}\n`)
    assert.deepEqual(
      problems.map(({ where }) => where),
      expected.map(() => 'robots.keys:3'),
      JSON.stringify(problems),
    )
    assert.equal(
      problems.some(({ message }) => message.includes('\x1b')),
      false,
    )
    for (const [index, one] of expected.entries()) {
      const message = problems[index]?.message ?? ''
      if (typeof one === 'string') assert.equal(message, one)
      else assert.match(message, one)
    }
    assert.deepEqual(robots, [])
  })

test('all faults of the file at once, and the lines that are well', () => {
  const text = [
    '# robots',
    `username="ci" ${key(1)}`,
    `username="x y" ${key(2)}`,
    '',
    `username="backup" ${key(1)}`,
    `username="ci" ${key(3)}`,
    'nonsense',
  ].join('\n')
  const { robots, problems } = parse(text)
  assert.deepEqual(
    robots.map(({ username, where }) => [username, where]),
    [
      ['ci', 'robots.keys:2'],
      ['ci', 'robots.keys:6'],
    ],
  )
  assert.deepEqual(
    problems.map(({ where, message }) => `${where} ${message.slice(0, 40)}`),
    [
      'robots.keys:3 username is none: x y; letters, digits a',
      'robots.keys:5 the key of robots.keys:2 (ci) once more',
      'robots.keys:7 option nonsense is not known; known here',
      'robots.keys:7 no key where one should be: "ssh-ed25519',
    ],
  )
})

test('an empty file is nobody, and no fault', () =>
  assert.deepEqual(parse('\n# nothing\n\n'), { robots: [], problems: [] }))

test('a file of something else is given up', () => {
  const { problems } = parse('nonsense\n'.repeat(5_000))
  assert.ok(problems.length < 1_010)
  assert.match(problems.at(-1)?.message ?? '', /what follows was not read/)
})

test('more keys than are taken is a fault of the file', () => {
  const blob = (n: number) =>
    wire('ssh-ed25519', Buffer.from(n.toString(16).padStart(64, '0'), 'hex')).toString('base64')
  const text = Array.from({ length: 10_001 }, (_, n) => `username="r${n}" ssh-ed25519 ${blob(n)}`).join('\n')
  assert.deepEqual(parse(text).problems, [{ where: 'robots.keys', message: 'more than 10000 keys' }])
})

test('whatever the file holds, a robot has a key and a name, or the line a fault', () => {
  const piece = fc.constantFrom(
    'username=',
    '"ci"',
    'groups=',
    '"',
    '\\"',
    ',',
    ' ',
    'from=',
    '"*"',
    key(),
    '#',
    'ssh-ed25519',
    '\t',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 12 }), (pieces) => {
      const line = pieces.join('').replaceAll('\n', '')
      const { robots, problems } = parse(line)
      const silent = /^[ \t]*(#|\r?$)/.test(line)
      assert.ok(robots.length + problems.length > 0 || silent, line)
      for (const robot of robots) assert.match(robot.username, /^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/)
    }),
    { numRuns: 2_000 },
  )
})
