import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endLeftovers } from '../../demo/sessions.ts'
import { start } from '../support/process.ts'

test('what carries the mark is ended, and nothing else', async () => {
  const mark = `a-mark-of-${process.pid}`
  const say = ['-c', 'echo up; exec cat']
  await using marked = start('sh', say, { HISTFILE: mark })
  await using longer = start('sh', say, { HISTFILE: `${mark}-and-more` })
  await using other = start('sh', say)
  await Promise.all([marked, longer, other].map((program) => program.line(/^up$/)))
  endLeftovers(`HISTFILE=${mark}`)
  await marked.ended()
  assert.deepEqual(
    [marked, longer, other].map(({ child }) => child.signalCode),
    ['SIGKILL', null, null],
  )
})
