import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { test } from 'node:test'
import { cachedDataVersionTag } from 'node:v8'
import { run } from '../support/process.ts'

const tagBefore = cachedDataVersionTag()
const { notePassed } = await import('../../src/ssh/young-memory.ts')

test('after 4 MiB the young objects are collected, and they alone', async () => {
  const kinds: unknown[] = []
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      kinds.push((entry as PerformanceEntry & { detail: { kind: number } }).detail.kind)
  })
  observer.observe({ entryTypes: ['gc'] })
  notePassed(4 * 1024 * 1024 - 1)
  notePassed(1)
  while (kinds.length === 0) await new Promise(setImmediate)
  observer.disconnect()
  assert.ok(kinds.includes(constants.NODE_PERFORMANCE_GC_MINOR))
  assert.ok(!kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR))
})

// The tag is made of V8's version and flags: compiled code that has another is not taken.
test('V8’s flags are then what they were', () => assert.equal(cachedDataVersionTag(), tagBefore))
test('bin/regate begins with flags under which Node.js’s own compiled code is taken', async () => {
  const script = readFileSync(join(import.meta.dirname, '..', '..', 'bin', 'regate'), 'utf8')
  const [, options = ''] = /^exec "\$node" (.*) "\$main" "\$@"$/m.exec(script) ?? []
  assert.match(options, /^--\S/)
  const tagOf = async (...flags: string[]): Promise<string> =>
    (await run(process.execPath, [...flags, '-p', 'v8.cachedDataVersionTag()'])).stdout
  assert.match(await tagOf(), /^\d+\n$/)
  assert.equal(await tagOf(...options.split(' ')), await tagOf())
})
