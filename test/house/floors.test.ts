import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

/*
 * Imports go down: ground ← rooms ← doors ← workers ← roof; a room or a door never imports the one next to it, and each library is
 * known to one place.
 */
const root = join(import.meta.dirname, '..', '..')
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => `src/${name}`)
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const importing = /^(?:import|export|\})[^'\n]*from '([^'\n]+)'|import\('([^'\n]+)'\)/gm
const imports = files.flatMap((file) =>
  [...textOf(file).matchAll(importing)].map(([, to, later]) => ({ file, to: to ?? later ?? '' })),
)

const doors = ['gateway', 'http']
const room = (file: string): string => (file.split('/').length > 2 ? (file.split('/')[1] ?? '') : 'roof')
function floor(file: string): number {
  if (room(file) === 'model') return 0
  if (room(file) === 'roof' || room(file) === 'commands') return 4
  if (room(file) === 'workers') return 3
  return doors.includes(room(file)) ? 2 : 1
}

test('there is something to look at', () => assert.ok(imports.length > 200))

test('imports go down only, and never to the room next door', () => {
  const wrong = imports
    .filter(({ to }) => to.startsWith('.'))
    .map(({ file, to }) => ({ file, to: normalize(join(dirname(file), to)) }))
    .filter(
      ({ file, to }) =>
        floor(to) > floor(file) || (floor(to) === floor(file) && [1, 2].includes(floor(to)) && room(to) !== room(file)),
    )
  assert.deepEqual(wrong, [])
})

const homes: Record<string, RegExp> = {
  'ssh2': /^src\/ssh\//,
  'sshpk': /^src\/certificate\//,
  '@open-policy-agent/opa-wasm': /^src\/policy\/wasm\.ts$/,
  'openid-client': /^src\/identity\/issuer\.ts$/,
  'fastify': /^src\/(http\/|compose)/,
  '@fastify/swagger': /^src\/http\/app\.ts$/,
  'kysely': /^src\/store\//,
  'node:sqlite': /^src\/store\//,
  'yaml': /^src\/config-file\.ts$/,
  'commander': /^src\/(command-line|api-verbs)\.ts$/,
  'cli-table3': /^src\/commands\/print\.ts$/,
  'prom-client': /^src\/metrics\.ts$/,
  'pino': /^src\/logging\.ts$/,
  'tar-stream': /^src\/policy\/bundle\.ts$/,
  'ipaddr.js': /^src\/model\/address\.ts$/,
  'typebox': /^src\/model\/type\.ts$/,
  'typebox/schema': /^src\/(model\/shape|policy\/decision)\.ts$/,
  'typebox/system': /^src\/model\/shape\.ts$/,
}
for (const [library, home] of Object.entries(homes))
  test(`${library} is known to one place`, () => {
    const users = files.filter((file) => textOf(file).includes(`'${library}'`))
    assert.ok(users.length > 0, 'nobody uses it any more')
    assert.deepEqual(
      users.filter((file) => !home.test(file)),
      [],
    )
  })

test('no other library is used', () => {
  const packages = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const known = Object.keys(homes)
  const used = imports.map(({ to }) => to).filter((to) => !to.startsWith('.') && !to.startsWith('node:'))
  assert.deepEqual(
    used.filter((name) => !known.some((library) => name === library || name.startsWith(`${library}/`))),
    [],
  )
  const unused = Object.keys(packages.dependencies).filter((name) => !known.includes(name))
  assert.deepEqual(unused, [])
})

test('a file is one idea: none passes 350 lines', () => {
  const long = files.filter((file) => textOf(file).split('\n').length > 350)
  assert.deepEqual(long, [])
})

test('nothing is left undone, and no test is left out', () => {
  const word = ['TO', 'DO'].join('')
  const texts = [
    ...files,
    ...readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `test/${name}`),
  ]
  const pattern = new RegExp(
    `\\b(${word}|FIX${'ME'}|X{3})\\b|\\b(test|it|describe)\\.(skip|only|${word.toLowerCase()})\\b`,
  )
  assert.deepEqual(
    texts.filter((file) => pattern.test(textOf(file))),
    [],
  )
})
