import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

/*
 * Faults that nothing catches, thrown where code of a connection runs: in an event of its socket, in timers, ticks, promises and
 * signals that it left behind. The program is a server that says PING and serves as the gateway's listener does.
 */
const program = join(import.meta.dirname, '..', 'support', 'faulty-server.ts')

test('a fault that nothing caught ends its own connection and no other; one that is nobody’s ends the process', async () => {
  const server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program])
  const lines: string[] = []
  createInterface({ input: server.stdout }).on('line', (line) => lines.push(line))
  const [code] = (await once(server, 'close')) as [number]
  assert.deepEqual(lines, [
    'event: its connection ended, the other lives',
    'timer: its connection ended, the other lives',
    'tick: its connection ended, the other lives',
    'promise: its connection ended, the other lives',
    'later promise: its connection ended, the other lives',
    'signal: its connection ended, the other lives',
    'callback: its connection ended, the other lives',
    'nobody’s',
  ])
  assert.equal(code, 1)
})
