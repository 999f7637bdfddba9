import { type BigIntStats, type FSWatcher, statSync, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Milliseconds } from './model/units.ts'

/** After the first sign of a change: whoever writes the file has not finished yet. */
const settle = 100

/**
 * Calls `changed` once the file has become another one than it was when it was `seen`: replaced, or written to and then left
 * alone. Its folder is watched; where that tells nothing (network file systems) the file is looked at every `poll`. `lost` is
 * called once it is not there any more.
 */
export function watchFile(
  path: string,
  poll: Milliseconds,
  changed: () => void,
  lost: () => void,
  seen: FileIdentity = identityOf(path),
): Disposable {
  let known = seen
  let isLost = known === gone
  let isOver = false
  /** Looks asked for since the one under way began, and that one. */
  let wanted = 0
  const look = async (): Promise<void> => {
    if (wanted++ > 0) return
    while (wanted > 0) {
      wanted = 1
      const found = await whole(path, known)
      wanted--
      if (isOver) return
      if (found === gone && !isLost) lost()
      isLost = found === gone
      if (found === known || isLost) continue
      known = found
      changed()
    }
  }
  const timer = setInterval(() => void look(), poll).unref()
  const watcher = watchFolder(dirname(path), () => void look())
  void look()
  return {
    [Symbol.dispose]() {
      isOver = true
      clearInterval(timer)
      watcher?.close()
    },
  }
}

/** Tells a file from what it was before, also when it is as long and its time of change was set back. */
export type FileIdentity = string & { readonly kind: 'file-identity' }

/** Of a file that is not there, or is being replaced. */
const gone = '' as FileIdentity

/** Taken before a file is read for the first time: a change in between is not missed then. */
export function identityOf(path: string): FileIdentity {
  try {
    return told(statSync(path, { bigint: true, throwIfNoEntry: false }))
  } catch {
    return gone
  }
}

/** What the file is, once it has not changed for a moment; at once when it was moved to its place, and so is whole. */
async function whole(path: string, known: FileIdentity): Promise<FileIdentity> {
  for (let last = await statLater(path); ; ) {
    if (last !== undefined && told(last) !== known && wasMoved(last)) return told(last)
    await new Promise((resolve) => setTimeout(resolve, settle).unref())
    const next = await statLater(path)
    if (told(next) === told(last)) return told(next)
    last = next
  }
}

const statLater = (path: string): Promise<BigIntStats | undefined> =>
  stat(path, { bigint: true }).catch(() => undefined)

/** rename(2) sets the time of the last change of state, and not that of the last write, which sets both. */
const wasMoved = ({ size, ctimeNs, mtimeNs }: BigIntStats): boolean => size > 0n && ctimeNs > mtimeNs

const told = (found: BigIntStats | undefined): FileIdentity =>
  found === undefined ? gone : (`${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` as FileIdentity)

function watchFolder(folder: string, look: () => void): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, look).on('error', () => {}) // the poll goes on
  } catch {
    return undefined
  }
}
