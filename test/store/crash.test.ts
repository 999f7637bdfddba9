import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { openStore } from '../../src/store/open.ts'
import { start } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const moduleUrl = new URL('../../src/store/open.ts', import.meta.url).href
/** Appends from several places at once, and prints each id after its promise has resolved. */
const script = `const { openStore } = await import(${JSON.stringify(moduleUrl)})
  const [path, round] = process.argv.slice(1)
  const store = await openStore('sqlite:' + path)
  const { writeSync } = await import('node:fs')
  let last = 0
  /** A reader that is slower makes the pipe refuse for a moment. */
  function print(line) {
    for (;;)
      try {
        return writeSync(1, line)
      } catch (fault) {
        if (fault.code !== 'EAGAIN') throw fault
      }
  }
  async function appendOn() {
    for (;;) {
      const decisionId = round + '-' + ++last
      const bytes = Buffer.alloc(3000, decisionId + ' ')
      await store.decisions.append({ decisionId, timestamp: '', outcome: 'allow', kind: 'ssh', bytes })
      print('durable ' + decisionId + '\\n')
    }
  }
  await Promise.all(Array.from({ length: 8 }, appendOn))`

test('kill -9 at any instant loses nothing that was said to be durable', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  const printed: string[] = []
  for (let round = 0; round < 10; round++) {
    await using gateway = start(process.execPath, ['--input-type=module', '-e', script, path, `${round}`])
    await gateway.line(/^durable /)
    await after(Math.random() * 120)
    await gateway.stop('SIGKILL')
    assert.equal(gateway.child.signalCode, 'SIGKILL')
    printed.push(...gateway.lines.flatMap((line) => /^durable (\d+-\d+)$/.exec(line)?.[1] ?? []))
  }
  await using store = await openStore(`sqlite:${path}`)
  for (const id of printed) {
    const found = await store.decisions.find(id)
    assert.deepEqual(found, new Uint8Array(Buffer.alloc(3000, `${id} `)), `${id}, of ${printed.length} printed`)
  }
  assert.ok(printed.length >= 10)
})
