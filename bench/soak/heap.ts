/*
 * Loaded into each process of the gateway before its own code (NODE_OPTIONS): writes now and then what V8 holds, which
 * nobody can see from outside.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const folder = process.env.SOAK_HEAPS
/** Milliseconds. */
const every = 2_000

if (isMainThread && folder !== undefined) {
  const path = `${folder}/heap-${process.pid}`
  setInterval(() => {
    const { heapUsed, external } = process.memoryUsage()
    writeFileSync(`${path}.next`, JSON.stringify({ heapUsed, external }))
    renameSync(`${path}.next`, path)
  }, every).unref()
}
