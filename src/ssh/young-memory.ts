import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/*
 * What is relayed lies in memory outside of the heap, for as long as a write takes. It is freed with the small objects that
 * stand for it, when the young ones are collected; but V8 counts the bytes of those that survive as if they were old, and
 * soon looks through the whole heap instead, twenty times a second at full speed: that was two thirds of all work
 * (docs/performance.md). So the young ones are collected in time. It takes a fifth of a millisecond.
 */

/** Bytes that pass between two looks. */
const interval = 4 * 1024 * 1024
let passed = 0

const collect = collector()

/**
 * V8's own, by a flag that is set for this moment alone. The compiled code that Node.js brings along is for the usual flags: a
 * process or a thread that begins with others compiles the half of Node.js anew. So this is loaded before there are threads.
 */
function collector(): (options: { readonly type: 'minor' }) => void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as ReturnType<typeof collector>
  setFlagsFromString('--no-expose-gc')
  return gc
}

/** So many bytes were read from a socket. */
export function notePassed(bytes: number): void {
  passed += bytes
  if (passed < interval) return
  passed = 0
  collect({ type: 'minor' })
}
