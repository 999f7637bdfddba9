import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chartOf } from '../../bench/chart.ts'
import { pageOf } from '../../bench/page.ts'
import { readResults } from '../../bench/results.ts'

const root = join(import.meta.dirname, '..', '..')
const results = readResults(join(root, 'bench', 'results.json'))
const read = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8')
const remedy = 'node bench/page.ts bench/results.json writes it'

test('the tables of docs/performance.md are what bench/results.json gives', () => {
  assert.ok(Object.keys(results.parts).length > 8)
  const page = read('performance.md')
  assert.equal(page, pageOf(page, results), remedy)
})

test('and so is the chart', () => assert.equal(read('performance.svg'), chartOf(results), remedy))
