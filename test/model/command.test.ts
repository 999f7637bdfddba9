import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commandMatches, parseCommands, splitCommand } from '../../src/model/command.ts'
import { byteString, byteStringOf } from '../../src/model/glob.ts'

const split: [rule: string, command: string, words: string[] | undefined][] = [
  ['words are parted by blanks', 'ls  -l /tmp', ['ls', '-l', '/tmp']],
  ['blanks around do not count', ' ls ', ['ls']],
  ['single quotes keep everything', `echo 'a  $b;c'`, ['echo', 'a  $b;c']],
  ['double quotes keep blanks', 'echo "a  b"', ['echo', 'a  b']],
  ['pieces that touch are one word', `a'b'"c"d`, ['abcd']],
  ['an empty quoted word is a word', `a ''`, ['a', '']],
  ['nothing is no command', '', undefined],
  ['blanks alone are none', '  ', undefined],
  ['an expansion in double quotes', 'echo "$HOME"', undefined],
  ['a backquote in double quotes', 'echo "`id`"', undefined],
  ['an escape in double quotes', 'echo "\\x"', undefined],
  ['history in double quotes', 'echo "!!"', undefined],
  ['a backslash in single quotes, which fish takes for an escape', `echo '\\x'`, undefined],
  ['history in single quotes, which csh looks for', `echo '!!'`, undefined],
  ['an unbalanced quote', `echo 'a`, undefined],
  ['an assignment before the command', 'PATH=/x ls', undefined],
  ['one in quotes as well', `'PATH=/x' ls`, undefined],
  ['an equals sign later is none', 'dd if=/x', ['dd', 'if=/x']],
  ['a byte beyond ASCII outside quotes', 'ls é', undefined],
  ['a newline in single quotes', `echo 'a\nb'`, undefined],
  ...[
    ';',
    '&',
    '|',
    '<',
    '>',
    '$',
    '\\',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '*',
    '?',
    '~',
    '#',
    '!',
    '`',
    '^',
    '\t',
    '\n',
    '\r',
    '\0',
    '\x7f',
    '\x0b',
    '\x1b',
  ].map((character): [string, string, undefined] => [
    `${JSON.stringify(character)} outside quotes`,
    `ls a${character}b`,
    undefined,
  ]),
]
for (const [rule, command, words] of split)
  test(rule, () => assert.deepEqual(splitCommand(byteStringOf(command)), words))

test('words that need no quoting come back as they were', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_@%+:,./-]{1,12}$/)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) =>
      assert.deepEqual(splitCommand(byteStringOf(words.join(' '))), words),
    ),
  )
})

test('whatever the bytes, the words joined and split again are the same words', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const words = splitCommand(byteString(bytes))
      if (words === undefined) return
      const quoted = words.map((word) => (word.includes("'") ? `"${word}"` : `'${word}'`)).join(' ')
      // A first word with an equals sign was refused before, and stays refused.
      assert.deepEqual(splitCommand(quoted as (typeof words)[number]), words)
    }),
  )
})

const matches: [rule: string, patterns: string[], command: string, matches: boolean][] = [
  ['the whole command must match', ['uptime'], 'uptime -p', false],
  ['a word for each', ['systemctl status *'], 'systemctl status nginx', true],
  ['a star is no option', ['systemctl status *'], 'systemctl status --all', false],
  ['-* is an option', ['ls -*'], 'ls -la', true],
  ['and no operand', ['ls -*'], 'ls la', false],
  ['** is any number of operands', ['cat **'], 'cat a b c', true],
  ['also none', ['cat **'], 'cat', true],
  ['but no option', ['cat **'], 'cat a -n', false],
  ['a star inside a word stops at a slash', ['cat /var/log/*'], 'cat /var/log/a/b', false],
  ['and takes what is before it', ['cat /var/log/*'], 'cat /var/log/syslog', true],
  ['a step upward matches no star', ['cat /var/log/*'], 'cat /var/log/..', false],
  ['nor one in the middle', ['cat *'], 'cat a/../b', false],
  ['nor one in the value of an option', ['tool -*'], 'tool --file=../x', false],
  ['a literal word may step upward', ['cat ../x'], 'cat ../x', true],
  ['quotes do not hide a word', ['ls /tmp'], `'ls' "/tmp"`, true],
  ['one of several patterns is enough', ['id', 'uptime'], 'uptime', true],
  ['none opens nothing', [], 'uptime', false],
  ['a lone star is any command', ['*'], 'a; b | c', true],
  ['also one that does not read', ['*'], `'`, true],
  ['beside others it is one word', ['*', 'id'], 'a; b', false],
  ['and matches a command of one word', ['*', 'id'], 'uptime', true],
  ['a command of more than 16 KiB matches no pattern', ['cat **'], `cat ${'a '.repeat(9_000)}`, false],
  ['but a lone star', ['*'], `cat ${'a '.repeat(9_000)}`, true],
  ['matching minds case', ['uptime'], 'Uptime', false],
]
for (const [rule, patterns, command, expected] of matches)
  test(rule, () => {
    const parsed = parseCommands(patterns)
    assert.ok(parsed)
    assert.equal(commandMatches(parsed, byteStringOf(command)), expected)
  })

for (const pattern of [
  '',
  ' ls',
  'ls  -l',
  'a;b',
  'a $b',
  'x "y"',
  "x 'y'",
  '**',
  'a ** b',
  'a b**',
  'a\tb',
  'a\u00a0b',
])
  test(`${JSON.stringify(pattern)} is no pattern`, () => assert.equal(parseCommands([pattern, 'id']), undefined))
