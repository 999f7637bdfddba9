import { type BigIntStats, type FSWatcher, statSync, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Milliseconds } from './model/units.ts'

/** After the first sign of a change: whoever writes the file has not finished yet. */
const settle = 100

/**
 * Calls `changed` once the file has become another one: replaced, or written to and then left alone. Its folder is
 * watched; where that tells nothing (network file systems) the file is looked at every `poll`.
 */
export function watchFile(path: string, poll: Milliseconds, changed: () => void): Disposable {
  let known = identityNow(path)
  let isLooking = false
  const look = async (): Promise<void> => {
    if (isLooking) return
    isLooking = true
    const found = await stable(path)
    isLooking = false
    if (found === known || found === gone) return
    known = found
    changed()
  }
  const timer = setInterval(() => void look(), poll).unref()
  const watcher = watchFolder(dirname(path), () => void look())
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      watcher?.close()
    },
  }
}

/** Of a file that is not there, or is being replaced. */
const gone = ''

/** What the file is, once it has not changed for a moment. */
async function stable(path: string): Promise<string> {
  for (let last = await identityOf(path); ; ) {
    await new Promise((resolve) => setTimeout(resolve, settle).unref())
    const next = await identityOf(path)
    if (next === last) return next
    last = next
  }
}

const identityOf = async (path: string): Promise<string> =>
  told(await stat(path, { bigint: true }).catch(() => undefined))
const identityNow = (path: string): string => told(statSync(path, { bigint: true, throwIfNoEntry: false }))

const told = (found: BigIntStats | undefined): string =>
  found === undefined ? gone : `${found.ino} ${found.size} ${found.mtimeNs}`

function watchFolder(folder: string, look: () => void): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, look).on('error', () => {}) // the poll goes on
  } catch {
    return undefined
  }
}
