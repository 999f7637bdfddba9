import type { ByteString } from '../model/glob.ts'
import { leadsTo, lists, names, namesBelow, reachesBelow, type SftpRule, type SftpUse } from '../model/sftp.ts'

/** Whether there is anything at all that it opens. */
export const opensSftp = (rule: SftpRule): boolean =>
  rule.kind !== 'paths' || rule.read.named.length + rule.write.named.length > 0

type Paths = Extract<SftpRule, { kind: 'paths' }>

/** What stands against this use of a file; undefined for one that is permitted. */
export function sftpRefusal(rule: SftpRule, use: SftpUse): string | undefined {
  if (use.access === 'never') return 'knows no such request'
  if (rule.kind !== 'paths') return rule.kind === 'read' && changes.has(use.access) ? 'is for reading alone' : undefined
  // A name of its own would carry a file from one pattern into another.
  if (use.access === 'link') return 'names paths, and so makes no links'
  if (use.path === undefined) return 'names paths, and this one is not known'
  // Elsewhere than on a POSIX system it parts names as `/` does.
  if (use.path.includes('\\')) return 'names paths, and none with a backslash'
  if (use.access === 'carry') return carryRefusal(rule, use.path, use.to)
  return opens(rule, use.access, use.path) ? undefined : `does not name it to ${use.access}`
}

const changes: ReadonlySet<SftpUse['access']> = new Set(['write', 'link'])

function opens({ read, write }: Paths, access: 'look' | 'list' | 'read' | 'write', path: ByteString): boolean {
  switch (access) {
    case 'read':
      return names(read, path)
    case 'write':
      return names(write, path)
    case 'list':
      return lists(read, path)
    case 'look':
      return leadsTo(read, path) || leadsTo(write, path)
  }
}

/**
 * What may not be read does not become readable by another name, nor what is in it, should it be a directory: nobody here
 * knows. For what is in it the same holds of writing.
 */
function carryRefusal({ read, write }: Paths, from: ByteString, to: ByteString | undefined): string | undefined {
  if (to === undefined) return 'names paths, and this one is not known'
  if (names(read, to) && !names(read, from)) return 'does not name it to read'
  const opens = [read, write].some((set) => reachesBelow(set, to) && !namesBelow(set, from))
  return opens ? 'does not name all that may be in it' : undefined
}
