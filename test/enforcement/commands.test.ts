import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { permit } from '../../src/enforcement/permit.ts'
import { splitCommand } from '../../src/model/command.ts'
import { type ByteString, byteString, byteStringOf } from '../../src/model/glob.ts'
import { aCertificate, at } from '../support/certificate.ts'
import { run } from '../support/process.ts'
import { operators, refused } from './bypasses.ts'

/*
 * Commands that somebody with a list of patterns tries in order to run something else. A pattern is no sandbox: what a
 * permitted program does with its arguments is the program's.
 */
const patterns = [
  'uptime',
  'ls /srv/*',
  'ls -* /srv/*',
  'cat /var/log/*.log',
  'systemctl status *',
  'git-upload-pack /srv/git/*',
  'git -C /srv/* status',
  'rsync --server --sender -* . /srv/*',
  'scp -f /srv/*',
  'echo **',
  'tool --file=/srv/*',
]
const certificate = aCertificate({ extensions: { 'permit-exec@regate': patterns } })
const permits = (command: ByteString): boolean => permit(certificate, { kind: 'exec', command }, at(1500)).permitted

for (const [rule, pieces] of Object.entries(operators))
  for (const piece of pieces) {
    const ways = [`uptime${piece}`, `uptime ${piece}`, `${piece}uptime`, `${piece} uptime`, `echo a ${piece} b`]
    test(`refused: ${rule}, ${JSON.stringify(piece)}`, () => {
      // In a program's own arguments these two are words like others.
      const words = piece.startsWith("'") || piece.startsWith('"') ? ways.slice(0, 4) : ways
      assert.deepEqual(
        words.filter((command) => permits(byteStringOf(command))),
        [],
      )
    })
  }

for (const [rule, command] of refused)
  test(`refused: ${rule}: ${JSON.stringify(String(command).slice(0, 40))}`, () =>
    assert.equal(permits(typeof command === 'string' ? byteStringOf(command) : byteString(command)), false))

test('the corpus holds at least 300 attempts', () => {
  const inPlaces = Object.values(operators).reduce((count, pieces) => count + pieces.length, 0)
  assert.ok(inPlaces + refused.length >= 250 && inPlaces * 4 + refused.length >= 300)
})

const allowed: [rule: string, command: string, words: string[]][] = [
  ['a command', 'uptime', ['uptime']],
  ['blanks around', '  uptime  ', ['uptime']],
  ['in quotes', "'uptime'", ['uptime']],
  ['in double quotes', '"uptime"', ['uptime']],
  ['in pieces', `u'pt'"im"e`, ['uptime']],
  ['a place', 'ls /srv/x', ['ls', '/srv/x']],
  ['a hidden one', 'ls /srv/.x', ['ls', '/srv/.x']],
  ['three dots are a name', 'ls /srv/...', ['ls', '/srv/...']],
  ['with an option', 'ls -la /srv/x', ['ls', '-la', '/srv/x']],
  ['with a long option', 'ls --color=always /srv/x', ['ls', '--color=always', '/srv/x']],
  ['many blanks', 'ls     /srv/x', ['ls', '/srv/x']],
  ['a name with a blank', "ls '/srv/a b'", ['ls', '/srv/a b']],
  ['a name with an operator, quoted', "ls '/srv/a;b'", ['ls', '/srv/a;b']],
  ['a name with a substitution, quoted', "ls '/srv/$(id)'", ['ls', '/srv/$(id)']],
  ['a name with a star, quoted', "ls '/srv/*'", ['ls', '/srv/*']],
  ['a name with a quote, quoted', `ls "/srv/it's"`, ['ls', "/srv/it's"]],
  ['a name beyond ASCII, quoted', "ls '/srv/ä'", ['ls', '/srv/ä']],
  ['a log', 'cat /var/log/x.log', ['cat', '/var/log/x.log']],
  ['a unit', 'systemctl status nginx.service', ['systemctl', 'status', 'nginx.service']],
  ['what git sends', "git-upload-pack '/srv/git/x.git'", ['git-upload-pack', '/srv/git/x.git']],
  ['git in a folder', 'git -C /srv/x status', ['git', '-C', '/srv/x', 'status']],
  [
    'what rsync sends',
    'rsync --server --sender -logDtpre.iLsfxCIvu . /srv/x',
    ['rsync', '--server', '--sender', '-logDtpre.iLsfxCIvu', '.', '/srv/x'],
  ],
  ['what scp -O sends', 'scp -f /srv/x', ['scp', '-f', '/srv/x']],
  ['no word where any number may be', 'echo', ['echo']],
  ['one', 'echo a', ['echo', 'a']],
  ['several', 'echo a b c', ['echo', 'a', 'b', 'c']],
  ['an empty one', "echo ''", ['echo', '']],
  ['quoted operators', `echo 'a;b' "c|d" '$HOME' '&&'`, ['echo', 'a;b', 'c|d', '$HOME', '&&']],
  ['an equals sign in an operand', 'echo a=b', ['echo', 'a=b']],
  ['signs that are none to a shell', 'echo a@b:c,d.e+f%g_h', ['echo', 'a@b:c,d.e+f%g_h']],
  ['a value', 'tool --file=/srv/x', ['tool', '--file=/srv/x']],
  ['a quoted value', "tool --file='/srv/a b'", ['tool', '--file=/srv/a b']],
]
for (const [rule, command, words] of allowed)
  test(`allowed: ${rule}: ${command}`, () => {
    assert.equal(permits(byteStringOf(command)), true)
    assert.deepEqual(splitCommand(byteStringOf(command)), words.map(byteStringOf))
  })

/*
 * What the shell on a target makes of them. Each command becomes the arguments of a function, so that none of them is run:
 * the function writes them down, one after the other.
 */
async function shellWords(shell: string, commands: readonly ByteString[]): Promise<ByteString[][]> {
  const lines = commands.map((command) => Buffer.from(`w ${command}\n`, 'latin1'))
  const script = Buffer.concat([Buffer.from(`w() { printf '%s\\0' "$@"; printf '\\001\\0'; }\n`), ...lines])
  const { code, stdout, stderr } = await run(shell, ['-s'], { input: script, env: { LC_ALL: 'C' } })
  assert.equal(code, 0, stderr)
  const ends = byteString(Buffer.from(stdout)).split('\u0001\0').slice(0, -1)
  return ends.map((words) => words.split('\0').slice(0, -1) as ByteString[])
}
/** Texts near the border of what is read as words. Nothing here is a byte beyond ASCII: what is read back is text. */
const command = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(' ', '  ', 'a', 'b=c', '-x', '/srv/x', '.', "''", '""') },
      { weight: 2, arbitrary: fc.stringMatching(/^'[ -&(-~]{0,6}'$/) },
      { weight: 2, arbitrary: fc.stringMatching(/^"[ !#-~]{0,6}"$/) },
      { weight: 1, arbitrary: fc.stringMatching(/^[ -~]{1,3}$/) },
    ),
    { maxLength: 8 },
  )
  .map((parts) => byteStringOf(parts.join('')))

for (const shell of ['sh', 'bash'])
  test(`${shell} makes the same words of every command that is read as words`, async () => {
    const sampled = fc.sample(command, 4_000).filter((text) => splitCommand(text) !== undefined)
    const all = [
      ...allowed.map(([, text]) => byteStringOf(text)).filter((text) => !/[\x80-\xff]/.test(text)),
      ...sampled,
    ]
    assert.ok(sampled.length > 300)
    assert.deepEqual(await shellWords(shell, all), all.map(splitCommand))
  })
test('and of a sample of the refused ones other words, or none', async () => {
  const told = ['$HOME', '{a,b}', 'a\\ b', '~', '$((1+1))', "$'a'"].map(byteStringOf)
  const shown = await shellWords('bash', told)
  for (const [index, words] of shown.entries()) {
    assert.equal(splitCommand(told[index] ?? byteStringOf('')), undefined)
    assert.notDeepEqual(words, [told[index]])
  }
})
