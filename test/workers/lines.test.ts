import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { passLines } from '../../src/workers/lines.ts'

const long = 'x'.repeat(1024 * 1024 + 1)
const rows: [rule: string, pieces: string[], lines: string[]][] = [
  ['lines pass as they are', ['a\nb\n'], ['a\n', 'b\n']],
  ['a line that comes in pieces passes whole', ['a', 'b', '\nc\n'], ['ab\n', 'c\n']],
  ['a letter that comes in pieces stays one', ['\xc3', '\xa9\n'], ['é\n']],
  ['what was not ended is passed at the end', ['a\nb'], ['a\n', 'b\n']],
  ['a line without an end is passed on in pieces', [long, 'a\n'], [`${long}\n`, 'a\n']],
]
for (const [rule, pieces, lines] of rows)
  test(rule, async () => {
    const from = new PassThrough()
    const passed: string[] = []
    passLines(from, (line) => passed.push(line))
    for (const piece of pieces) {
      from.write(Buffer.from(piece, 'latin1'))
      await turn()
    }
    from.destroy()
    await turn()
    assert.deepEqual(passed, lines)
  })
