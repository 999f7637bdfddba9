import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { configSchema, limitsSchema, penaltiesSchema } from '../../src/config-schema.ts'
import { createMetrics } from '../../src/metrics.ts'
import { PolicyInput } from '../../src/model/context.ts'
import { Decision } from '../../src/model/decision.ts'
import { errorCodes } from '../../src/model/errors.ts'
import { shapeFaults } from '../../src/model/shape.ts'
import { anApp } from '../support/http.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')
const operations = read('docs/operations.md')

test('every code stands in docs/operations.md with its cause and a remedy, and no other', () => {
  const rows = [...operations.matchAll(/^\| `([A-Z_]+)` \| (.+) \| (.+) \|$/gm)].map(([, code, cause]) => [code, cause])
  assert.deepEqual(rows, Object.entries(errorCodes))
})

test('every limit stands in docs/limits.md, and no other', () => {
  const named = [...read('docs/limits.md').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  )
  assert.deepEqual(
    named.toSorted(),
    [...Object.keys(limitsSchema.properties), ...Object.keys(penaltiesSchema.properties)].toSorted(),
  )
})

test('every setting stands in the example of docs/operations.md, and no other', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(operations) ?? []
  const shown = parse(yaml.replaceAll('<64 hexadecimal digits>', 'x')) as Record<string, Record<string, unknown>>
  const alternatives: Record<string, string[]> = { identity: ['client_secret', 'flow'] }
  for (const [name, section] of Object.entries(configSchema.properties)) {
    if (!('properties' in section) || name === 'limits') continue
    const known = Object.keys(section.properties as object).filter((key) => !(alternatives[name] ?? []).includes(key))
    assert.deepEqual(Object.keys(shown[name] ?? {}).toSorted(), known.toSorted(), name)
  }
})

test('every route stands in docs/operations.md, and no other', async () => {
  const [, section = ''] = /^## HTTP$([\s\S]*?)^Who may call/m.exec(operations) ?? []
  const written = [...section.matchAll(/`((?:GET|POST|DELETE) [^`]+)`/g)].map(([, route]) => route)
  const { app } = anApp()
  await app.ready()
  const { paths = {} } = app.swagger()
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(written.toSorted(), [...known, 'GET /openapi.json'].toSorted())
})

test('every metric stands in docs/operations.md, and no other', async () => {
  const text = await createMetrics({ live: () => [], restarts: () => 0, commits: () => 0 }).text()
  const known = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  const written = [...operations.matchAll(/^\| `(regate_\w+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(written.toSorted(), known.toSorted())
})

test('input and decisions in docs/policies.md are what the contract takes', () => {
  const [input = '', decisions = ''] = [...read('docs/policies.md').matchAll(/^```json\n([\s\S]*?)^```/gm)].map(
    ([, text = '']) => text,
  )
  assert.deepEqual(shapeFaults(PolicyInput, JSON.parse(input)), [])
  const each = decisions.trim().split(/\n(?=\{)/)
  assert.equal(each.length, 3)
  for (const decision of each) assert.deepEqual(shapeFaults(Decision, JSON.parse(decision)), [])
})

test('every link leads to a page, and to a heading of it', () => {
  const pages = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'packaging/README.md',
    ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
  ]
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)].map(([, to = '', heading]) => ({
      path: to === '' ? page : join(dirname(page), to),
      heading,
    })),
  )
  assert.ok(links.length > 20)
  const isBroken = ({ path, heading }: (typeof links)[number]): boolean =>
    !existsSync(join(root, path)) || (heading !== undefined && !anchorsOf(read(path)).includes(heading))
  assert.deepEqual(links.filter(isBroken), [])
})

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

test('every folder and file that ARCHITECTURE.md names is there', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/\b(?:src|test)\/[\w./-]*\w|\b[\w-]+\.ts\b/g)].map(
    ([name]) => name,
  )
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).map((name) =>
    name.split('/').at(-1),
  )
  assert.deepEqual(
    named.filter((name) => !existsSync(join(root, name)) && !files.includes(name)),
    [],
  )
})
