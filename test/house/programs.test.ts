import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/* What tests, demo and bench run is what `bin/setup debian` brings to a machine that has nothing. */
const root = join(import.meta.dirname, '..', '..')
const texts = ['test', 'demo', 'bench'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
)
const [, table = ''] = /^programs='\n([\s\S]*?)^'$/m.exec(readFileSync(join(root, 'bin', 'setup'), 'utf8')) ?? []
const listed = table
  .trim()
  .split('\n')
  .map((line) => line.split(/\s+/)[1]?.split('/').at(-1) ?? '')

/** In a package that is listed by another of its programs. */
const companions = [
  'ssh-keygen',
  'ssh-keyscan',
  'ssh-agent',
  'ssh-add',
  'sftp',
  'scp',
  'npx',
  'puttygen',
  'dropbearconvert',
  'fusermount3',
]
/** In packages that no Debian is without: bash, bsdutils, coreutils, tar. */
const everywhere = ['bash', 'sh', 'script', 'tar', 'id']

test('every program that is run comes with a package that bin/setup installs', () => {
  const running = /\b(?:run|start|spawn|spawnSync|execFile|execFileSync)\(\s*'([^']+)'/g
  const programs = new Set(
    texts.flatMap((text) => [...text.matchAll(running)].map(([, program = '']) => program.split('/').at(-1) ?? '')),
  )
  assert.ok(programs.size > 8, 'there is something to look at')
  const known = [...listed, ...companions, ...everywhere]
  assert.deepEqual(
    [...programs].filter((program) => !known.includes(program)),
    [],
  )
})

test('and no package is installed that nothing runs', () => {
  assert.ok(listed.length > 8)
  const isRun = (program: string): boolean => texts.some((text) => new RegExp(`\\b${program}\\b`).test(text))
  assert.deepEqual(
    listed.filter((program) => !isRun(program)),
    [],
  )
})
