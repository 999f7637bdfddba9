import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { queryObjects } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

/* Loaded by probed-regate: upon SIGUSR2 a gateway says in a line on stderr what lives in its main thread. See insides.ts. */

const timer = setTimeout(() => {}, 0)
clearTimeout(timer)
const kinds = { Timeout: timer.constructor, Socket, EventEmitter, AbortSignal, Buffer }

if (isMainThread && process.argv.includes('serve')) process.on('SIGUSR2', say)

/** Each count begins with a collection of the whole heap, so that what nobody holds any more is gone. */
function say(): void {
  const objects = Object.fromEntries(
    Object.entries(kinds).map(([kind, maker]) => [kind, queryObjects(maker, { format: 'count' })]),
  )
  const active: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) active[kind] = (active[kind] ?? 0) + 1
  const { heapUsed, external } = process.memoryUsage()
  process.stderr.write(`${JSON.stringify({ insides: { objects, active, heapUsed, external } })}\n`)
}
