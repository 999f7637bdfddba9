import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const logging = join(import.meta.dirname, '..', 'src', 'logging.ts')

/** Says more than one line at a time, and then ends. */
const program = `
import { setTimeout as wait } from 'node:timers/promises'
const { createLog } = await import(${JSON.stringify(logging)})
const log = createLog({ log: { level: 'info' }, gateway: { name: 'g' } })
for (let turn = 0; turn < 5; turn++, await wait(5)) for (let line = 0; line < 3; line++) log.info({}, 'a line')
log.fatal({}, 'the last line')
process.exit(7)
`

test('a log that cannot be written, for a full disk, ends nothing and holds up nothing, at the end neither', async () => {
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', full, 'ignore'],
  })
  closeSync(full)
  const patience = setTimeout(() => child.kill('SIGKILL'), 80_000)
  assert.deepEqual(await once(child, 'exit'), [7, null])
  clearTimeout(patience)
})
