import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileCacheFolder } from '../src/compile-cache.js'
import { run } from './support/process.ts'
import { makeWorkspace, type Workspace } from './support/workspace.ts'

const regate = join(import.meta.dirname, '..', 'bin', 'regate')
/** By itself a folder gets what the umask leaves of a mode. */
function folder(path: string, mode: number): string {
  mkdirSync(path, { recursive: true })
  chmodSync(path, mode)
  return path
}

const places: [rule: string, env: Record<string, string>, where: string | undefined][] = [
  ['systemd’s folder comes first', { CACHE_DIRECTORY: '/s', XDG_CACHE_HOME: '/x', HOME: '/h' }, 's/compiled'],
  ['of several of systemd’s the first is it', { CACHE_DIRECTORY: '/s:/t' }, 's/compiled'],
  ['then the user’s folder for caches', { XDG_CACHE_HOME: '/x', HOME: '/h' }, 'x/regate/compiled'],
  ['then the one below the home', { HOME: '/h' }, 'h/.cache/regate/compiled'],
  ['a relative path is none', { CACHE_DIRECTORY: 's', XDG_CACHE_HOME: 'x', HOME: 'h' }, undefined],
  ['who has no home has none', {}, undefined],
]
for (const [rule, env, where] of places)
  test(`${rule}; it is made for this user alone`, () => {
    using workspace = makeWorkspace()
    const below = (text: string): string => text.replaceAll('/', `${workspace.path('.')}/`)
    const found = compileCacheFolder(Object.fromEntries(Object.entries(env).map(([name, path]) => [name, below(path)])))
    assert.equal(found, where && workspace.path(where))
    if (found !== undefined) assert.equal(statSync(found).mode & 0o777, 0o700)
  })

const isRoot = process.geteuid?.() === 0
const foreign: [string, (cache: string) => void, boolean][] = [
  ['a folder of another user', (cache) => chownSync(folder(join(cache, 'compiled'), 0o700), 12_345, 12_345), false],
  ['a folder below another user’s', (cache) => chownSync(cache, 12_345, 12_345), false],
]
const states: [rule: string, prepare: (cache: string, workspace: Workspace) => void, isUsed: boolean][] = [
  ['a folder that is this user’s alone', (cache) => folder(join(cache, 'compiled'), 0o700), true],
  ['a folder that others may read', (cache) => folder(join(cache, 'compiled'), 0o755), false],
  ['a folder that its group may write', (cache) => folder(join(cache, 'compiled'), 0o720), false],
  ['a folder that anybody may write', (cache) => folder(join(cache, 'compiled'), 0o707), false],
  ['a folder below one that anybody may write', (cache) => folder(cache, 0o777), false],
  ['a folder below one that anybody may write, each their own', (cache) => folder(cache, 0o1777), true],
  [
    'a private folder below one that anybody may write',
    (cache) => chmodSync(join(folder(join(cache, 'compiled'), 0o700), '..'), 0o777),
    false,
  ],
  [
    'a link to a private folder below one that anybody may write',
    (cache, workspace) => {
      const open = folder(workspace.path('open'), 0o777)
      symlinkSync(folder(join(open, 'private'), 0o700), join(cache, 'compiled'))
    },
    false,
  ],
  ['a file', (cache, workspace) => symlinkSync(workspace.write('file', ''), join(cache, 'compiled')), false],
  ...(isRoot ? foreign : []),
]
for (const [rule, prepare, isUsed] of states)
  test(`${rule} is ${isUsed ? '' : 'not '}used`, () => {
    using workspace = makeWorkspace()
    const cache = folder(workspace.path('cache'), 0o700)
    prepare(cache, workspace)
    const before = readdirSync(cache)
    const found = compileCacheFolder({ CACHE_DIRECTORY: cache })
    assert.equal(found, isUsed ? join(cache, 'compiled') : undefined)
    if (!isUsed) assert.deepEqual(readdirSync(cache), before, 'nothing is made where others can write')
  })

test('what one start compiles is there for the next, unless there is to be no cache', async () => {
  using workspace = makeWorkspace()
  const compiled = workspace.path('regate/compiled')
  const env = { CACHE_DIRECTORY: '', XDG_CACHE_HOME: workspace.path('.') }
  const off = await run(regate, ['--version'], { env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' } })
  assert.equal(off.code, 0)
  assert.ok(!existsSync(compiled))
  const on = await run(regate, ['--version'], { env })
  assert.equal(on.stdout, off.stdout)
  const [version = ''] = readdirSync(compiled)
  assert.ok(readdirSync(join(compiled, version)).length > 5)
})
