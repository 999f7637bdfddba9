import { readKeyList } from './key-file.ts'
import type { Log } from './model/log.ts'
import { type KnownHosts, readKnownHosts } from './ssh/known-hosts.ts'
import { type FileIdentity, identityOf } from './watch.ts'

/**
 * Reads known_hosts files, each again once it has changed: what was taken out of one is gone at the next login, and at the
 * next key exchange of who is in. Throws KEY_FILE for one that is missing, open to others for writing, or too large.
 */
export function knownHostsReader(log: Log): (path: string) => KnownHosts {
  const read = new Map<string, { readonly identity: FileIdentity; readonly file: KnownHosts }>()
  return (path) => {
    const identity = identityOf(path)
    const last = read.get(path)
    if (last !== undefined && last.identity === identity) return last.file
    read.delete(path)
    const file = readKnownHosts(readKeyList(path))
    read.set(path, { identity, file })
    for (const { line, message } of file.faults.slice(0, faultsMost))
      log.warn({ where: `${path}:${line}` }, `a line of known_hosts that does not read: ${message}`)
    return file
  }
}

/** Lines for what is wrong with one file. */
const faultsMost = 20
