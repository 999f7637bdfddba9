import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { isNewEnough } from '../../src/node-version.js'
import { type Finished, run } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'
import { api, startGateway, startWorld } from '../support/world.ts'

const project = join(import.meta.dirname, '..', '..')
/** `npm` and `npx` may be those of another Node.js; what they run is this one. */
const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
const workspace = makeWorkspace()
after(() => workspace[Symbol.dispose]())
const app = workspace.path('app')
const npm = async (...args: string[]): Promise<Finished> => {
  const done = await run('npm', args, { cwd: app, env, seconds: 100 })
  assert.equal(done.code, 0, done.stderr)
  return done
}
const regate = (...args: string[]): Promise<Finished> =>
  run('npx', ['--no', '--', 'regate', ...args], { cwd: app, env })

let files: string[]
/**
 * Nothing is asked of a registry: the folder begins with copies of the packages that this checkout has, and npm takes what
 * the tarball depends on from there and removes the rest. A dependency that package.json forgets is gone then.
 */
before(async () => {
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{"name": "app", "private": true}')
  await npm('pack', project, '--pack-destination', workspace.folder)
  const tarball = join(workspace.folder, readdirSync(workspace.folder).find((name) => name.endsWith('.tgz')) ?? '')
  const listed = await run('tar', ['-tzf', tarball])
  files = listed.stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  cpSync(join(project, 'node_modules'), join(app, 'node_modules'), { recursive: true, dereference: true })
  rmSync(join(app, 'node_modules', '.package-lock.json'), { force: true })
  await npm('install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball)
})

test('the tarball has what runs and what is read, and no source and no test of it', () => {
  const roots = new Set(files.map((path) => path.split('/')[0]))
  assert.deepEqual(
    [...roots].toSorted(),
    [
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'package.json',
      'packaging',
      'policies',
      'wasm',
    ].toSorted(),
  )
  assert.deepEqual(
    files.filter((path) => path.endsWith('.ts') || /^(src|test|demo|bench)\//.test(path)),
    [],
  )
  for (const path of ['bin/regate', 'dist/main.js', 'dist/policy/builtins/zones.json', 'wasm/bundle.tar.gz'])
    assert.ok(files.includes(path), path)
})
test('what the package needs is installed, and what only its tests need is not', async () => {
  const { dependencies } = JSON.parse((await npm('ls', '--all', '--json')).stdout) as {
    dependencies: { regate: { dependencies: object } }
  }
  const { dependencies: wanted } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    dependencies: object
  }
  assert.deepEqual(Object.keys(dependencies), ['regate'])
  assert.deepEqual(Object.keys(dependencies.regate.dependencies).toSorted(), Object.keys(wanted).toSorted())
})

test('npx regate init and policy eval find the policies and the bundle', async () => {
  const made = await regate('init', 'gate')
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stdout, /TrustedUserCAKeys/)
  const bundle = join(app, 'gate', 'wasm', 'bundle.tar.gz')
  assert.deepEqual(readFileSync(bundle), readFileSync(join(project, 'wasm', 'bundle.tar.gz')))
  const evaluated = await run('npx', ['--no', '--', 'regate', 'policy', 'eval', '-i', '-', '-b', bundle, '--json'], {
    cwd: app,
    env,
    input: '{}',
  })
  assert.equal(JSON.parse(evaluated.stdout).result.outcome, 'deny')
})
test('npx regate check and serve: a stock ssh gets through to a real sshd', async () => {
  const program = join(app, 'node_modules', '.bin', 'regate')
  await using world = await startWorld({
    certificates: { db1: { extensions: { 'permit-exec@regate': ['*'] } } },
    program,
  })
  const checked = await regate('check', '--config', world.workspace.path('regate.yaml'))
  assert.equal(checked.code, 0, checked.stdout)
  assert.deepEqual(await (await api(world.gateway, '/health/ready')).json(), { status: 'ready' })
  const done = await world.ssh('db1', ['echo in'])
  assert.equal(done.stdout, 'in\n', done.stderr)
  assert.equal(await world.gateway.stop(), 0)
  await using again = await startGateway(world.workspace, program)
  const { decisions } = (await (await api(again, '/v1/decisions')).json()) as { decisions: unknown[] }
  assert.equal(decisions.length, 1)
})

const versions: [version: string, enough: boolean][] = [
  ['20.19.0', false],
  ['24.6.9', false],
  ['24.7.0', true],
  ['24.21.0', true],
  ['26.0.0', true],
]
for (const [version, enough] of versions)
  test(`Node.js ${version} is ${enough ? 'new enough' : 'too old'}`, () => assert.equal(isNewEnough(version), enough))
test('an older one loads nothing before it has said so', () => {
  const importsOf = (file: string): string[] =>
    readFileSync(join(project, 'src', file), 'utf8').match(/^(import|export .* from) .*/gm) ?? []
  assert.deepEqual([importsOf('main.js'), importsOf('node-version.js')], [["import './node-version.js'"], []])
})
test('package.json says the same of Node.js', () => {
  const { engines } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { engines: { node: string } }
  const least = engines.node.replace('>=', '')
  assert.deepEqual([isNewEnough(`${least}.0`), isNewEnough('24.6.0')], [true, false])
})
