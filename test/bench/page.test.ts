import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { chartOf } from '../../bench/chart.ts'
import type { Machine } from '../../bench/machine-text.ts'
import { pageOf } from '../../bench/page.ts'
import { type PartResult, type Results, readResults, writeResults } from '../../bench/results.ts'
import { atLeast, atMost, printTable, type Row, rowsOf } from '../../bench/table.ts'

const machine: Machine = {
  processors: 2,
  model: 'a processor',
  memoryGiB: 24,
  system: 'Linux 6.1',
  node: 'v24.7.0',
  nativeCiphers: true,
  ssh: 'OpenSSH_9.2p1',
}
const rate = (value: number): string => `${value} MB/s`
const rows: readonly Row[] = [
  ...rowsOf('throughput', { direct: 500, gateway: 400, jump: 200 }, rate, (ratio) => atLeast(0.75, ratio)),
  ...rowsOf(
    'time <tag>',
    { direct: 10, gateway: 50 },
    (value) => `${value} ms`,
    (ratio) => atMost(0.6, ratio),
  ),
  { figure: 'decision', value: '90 us', goal: atMost(150, 90, ' us') },
]
const part = (change: Partial<PartResult> = {}): PartResult => ({ size: 'short', otherWork: 0, rows, ...change })
const results = (change: Partial<PartResult> = {}): Results => ({ machine, parts: { one: part(change) } })
const page =
  'head\n<!-- what follows is written by bench/page.ts -->\nold\n<!-- what follows is written by hand -->\ntail\n'

test('a page has what was measured between its markers, and is otherwise as it was', () => {
  const written = pageOf(page, results())
  assert.match(written, /^head\n<!--[\s\S]*-->\ntail\n$/)
  assert.ok(!written.includes('old'))
  assert.ok(written.includes('| throughput | 500 MB/s | 400 MB/s | 200 MB/s | 0.80 | ≥ 0.75 | met |'))
  assert.ok(written.includes('| time <tag> | 10 ms | 50 ms |  | 5.00 | ≤ 0.60 | **missed** |'))
  assert.ok(written.includes('| decision | 90 µs | ≤ 150 µs | met |'))
  assert.ok(written.includes('Of 3 goals 2 are met.'))
  assert.equal(pageOf(written, results()), written)
})

test('it says which parts were measured beside other work, and nothing of it otherwise', () => {
  assert.ok(pageOf(page, results({ otherWork: 0.5 })).includes('one (50 % of the processors)'))
  assert.ok(!pageOf(page, results({ otherWork: 0.02 })).includes('other work'))
})

test('and which were measured in few rounds', () => {
  assert.ok(pageOf(page, results({ size: 'quick' })).includes('and so rough: one.'))
  assert.ok(!pageOf(page, results()).includes('and so rough'))
})

test('a page without the markers, or with two of one, is not written', () => {
  assert.throws(() => pageOf('head', results()), /markers/)
  assert.throws(() => pageOf(`${page}${page}`, results()), /markers/)
})

test('the chart draws what has a goal of direct ssh, to the end of its scale, and its text is text', () => {
  const chart = chartOf(results())
  assert.equal([...chart.matchAll(/class="gateway" x="320"/g)].length, 2)
  assert.equal([...chart.matchAll(/class="jump" x="320"/g)].length, 1)
  assert.equal([...chart.matchAll(/<rect class="gateway" x="320" y="\d+" width="([\d.]+)"/g)].at(0)?.[1], '480')
  assert.ok(chart.includes('>5.00</text>') && chart.includes('time &lt;tag>'))
  assert.ok(chart.includes('prefers-color-scheme:dark'))
})

test('parts that were not measured again stay in the file, in their order; those of another machine do not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'regate-'))
  try {
    const path = join(folder, 'results.json')
    writeResults(path, { machine, parts: { two: part() } }, ['one', 'two'])
    writeResults(path, { machine, parts: { one: part({ size: 'full' }) } }, ['one', 'two'])
    const kept = readResults(path).parts
    assert.deepEqual([Object.keys(kept), kept.one?.size], [['one', 'two'], 'full'])
    writeResults(path, { machine: { ...machine, node: 'v26.0.0' }, parts: { one: part() } }, ['one', 'two'])
    assert.deepEqual(Object.keys(readResults(path).parts), ['one'])
    writeFileSync(path, '{')
    assert.throws(() => writeResults(path, results(), ['one']), SyntaxError)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a table names each way, and says whether a goal is met', () => {
  const lines = printTable(rows).split('\n')
  assert.match(lines[2] ?? '', /^throughput: gateway +400 MB\/s +0\.80 +>= 0\.75 +met$/)
  assert.match(lines[5] ?? '', /^time <tag>: gateway +50 ms +5\.00 +<= 0\.60 +missed$/)
  assert.match(lines[6] ?? '', /^decision +90 us +<= 150 us +met$/)
})
