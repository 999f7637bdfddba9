import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

/* As test/gateway/containment.test.ts, where requests are served: in what they leave behind, and in the reading of their body. */
const program = join(import.meta.dirname, '..', 'support', 'faulty-app.ts')

test('a fault that nothing caught ends the connection of its request and no other; one that is nobody’s ends the process', async () => {
  const server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program])
  const lines: string[] = []
  for (const stream of [server.stdout, server.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const [code] = (await once(server, 'close')) as [number]
  const ways = ['event', 'timer', 'tick', 'promise', 'later promise', 'signal', 'callback']
  const each = ways.flatMap((way) => [`${way}, after 0`, `${way}, after 1`])
  assert.deepEqual(lines, [
    ...each.map((way, number) => `${way}: its connection ended, the other lives, ${number + 1} counted`),
    'nobody’s',
  ])
  assert.equal(code, 1)
})
