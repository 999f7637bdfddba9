import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const regate = join(import.meta.dirname, '..', '..', 'bin', 'regate')
const scriptFor = async (shell: string): Promise<string> => {
  const done = await run(regate, ['completion', shell])
  assert.equal(done.code, 0, done.stderr)
  return done.stdout
}
const bash = await scriptFor('bash')

/** What bash would offer for the last of the words. */
async function complete(words: readonly string[], folder?: string): Promise<string[]> {
  const done = await run(
    'bash',
    [
      '--noprofile',
      '--norc',
      '-c',
      `${bash}\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _regate 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      ...words,
    ],
    folder === undefined ? {} : { cwd: folder },
  )
  assert.equal(done.code, 0, done.stderr)
  return done.stdout.split('\n').filter((line) => line !== '')
}

const offers: [rule: string, words: string[], offered: string[]][] = [
  ['verbs', ['regate', 's'], ['serve', 'sessions']],
  ['verbs of a verb', ['regate', 'logins', ''], ['list', 'revoke', '--help', '-h']],
  ['options', ['regate', 'decisions', 'list', '--o'], ['--outcome']],
  ['an option’s values', ['regate', 'decisions', 'list', '--outcome', ''], ['allow', 'challenge', 'deny']],
  ['as they begin', ['regate', 'decisions', 'tail', '--json', '--kind', 'w'], ['what-if']],
  ['shells', ['regate', 'completion', ''], ['bash', 'fish', 'zsh', '--help', '-h']],
  ['nothing for a value that can be anything', ['regate', 'decisions', 'list', '--user', ''], []],
  ['nothing for what is none', ['regate', 'frobnicate', 'x'], []],
]
for (const [rule, words, offered] of offers)
  test(`bash is offered ${rule}`, async () => assert.deepEqual(await complete(words), offered))

test('what is typed is not evaluated', async () => {
  using workspace = makeWorkspace()
  const typed = '$(touch evaluated)`touch evaluated`'
  for (const words of [
    ['regate', typed, ''],
    ['regate', 'decisions', typed],
    ['regate', 'decisions', 'list', '--user', typed],
  ])
    await complete(words, workspace.folder)
  assert.equal(existsSync(workspace.path('evaluated')), false)
})
test('it can be read twice, also where an unset variable or a failure is an error', async () => {
  const done = await run('bash', ['--noprofile', '--norc', '-euc', `${bash}\n${bash}`])
  assert.deepEqual([done.code, done.stderr], [0, ''])
})
for (const shell of ['fish', 'zsh'])
  test(`${shell} has every verb and option that bash has`, async () => {
    const script = await scriptFor(shell)
    const names = [...bash.matchAll(/^ {4}'(regate[a-z ]*)'\) known='([^']*)'/gm)]
    assert.ok(names.length > 10)
    for (const [, path = '', words = ''] of names)
      for (const word of words.split(' ').filter((word) => !/^-\w$/.test(word))) {
        const option = shell === 'fish' ? `-l ${word.slice(2)}` : `'${word}:`
        const verb = shell === 'fish' ? new RegExp(`-a '?[^']*\\b${word}\\b`) : new RegExp(`'${word}[:']`)
        const lines = script
          .split('\n')
          .filter((line) => line.includes(`${shell === 'fish' ? '"' : "'"}${path}${shell === 'fish' ? '"' : "'"}`))
        assert.ok(
          lines.some((line) => (word.startsWith('--') ? line.includes(option) : verb.test(line))),
          `${path} ${word}`,
        )
      }
  })
