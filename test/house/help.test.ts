import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/process.ts'

const regate = join(import.meta.dirname, '..', '..', 'bin', 'regate')
const help = async (...verb: readonly string[]): Promise<string> => {
  const done = await run(regate, [...verb, '--help'], { env: { COLUMNS: '80' } })
  assert.equal(done.code, 0, done.stderr)
  return done.stdout
}

/** Every verb, from what the help of the one before it names. */
async function verbs(...verb: readonly string[]): Promise<string[][]> {
  const [, commands = ''] = /^Commands:\n([\s\S]*)/m.exec(await help(...verb)) ?? []
  const names = [...commands.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
  const inner = await Promise.all(names.map((name) => verbs(...verb, name)))
  return [[...verb], ...inner.flat()]
}

for (const verb of await verbs())
  test(`regate ${verb.join(' ')} --help fits a screen, and ends with an example`, async () => {
    const text = await help(...verb)
    const lines = text.trimEnd().split('\n')
    assert.ok(lines.length <= 24, `${lines.length} lines`)
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    )
    if (!text.includes('\nCommands:')) assert.match(text, /\nExamples?:\n( {2}(regate|source) .+\n)+$/)
  })
