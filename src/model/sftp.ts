import { type ByteString, type Glob, globMatches, parseGlob } from './glob.ts'
import { isPrintable } from './text.ts'

/** `permit-sftp@regate`: everything that reads, everything, or what these paths name. */
export type SftpRule =
  | { readonly kind: 'read' | 'write' }
  | { readonly kind: 'paths'; readonly read: PathSet; readonly write: PathSet }

/** Paths by pattern, and the directories that belong to them. */
export interface PathSet {
  readonly named: readonly Glob[]
  /** `/srv/in` for `/srv/in/*` and `/srv/in/**`: whose entries are named has its list shown. */
  readonly listed: readonly Glob[]
  /** `/` and `/srv` besides: on the way to what is named. */
  readonly leading: readonly Glob[]
}

/**
 * What an sftp request does to a file. `look`: its attributes and where it is; `list`: the entries of a directory; `link`: a
 * further name for a file; `never`: what nobody knows. A path is whole and without `.` and `..`; absent when it is not known.
 */
export type SftpUse =
  | { readonly access: 'look' | 'list' | 'read' | 'write'; readonly path?: ByteString }
  | { readonly access: 'link' }
  | { readonly access: 'never' }
  /** A file keeps its content under another name. */
  | { readonly access: 'carry'; readonly path?: ByteString; readonly to?: ByteString }

export function parseSftpRule(
  written: 'read' | 'write' | { readonly read?: readonly string[]; readonly write?: readonly string[] },
): SftpRule | undefined {
  if (typeof written === 'string') return { kind: written }
  const read = parsePathSet(written.read ?? [])
  const write = parsePathSet(written.write ?? [])
  return read === undefined || write === undefined ? undefined : { kind: 'paths', read, write }
}

function parsePathSet(texts: readonly string[]): PathSet | undefined {
  if (!texts.every(isPathPattern)) return undefined
  return {
    named: texts.map(parseGlob),
    listed: texts.flatMap((text) => {
      const [, directory] = /^(.*)\/\*\*?$/.exec(text) ?? []
      return directory === undefined ? [] : [parseGlob(directory || '/')]
    }),
    leading: texts.flatMap(leadingOf).map(parseGlob),
  }
}

/** Such as a path is when it is held against it: whole, and in its shortest spelling. */
const isPathPattern = (text: string): boolean =>
  text === '/' || (/^(?:\/(?!\.{1,2}(?:\/|$))[^/\\]+)+$/.test(text) && isPrintable(text))

/** Up to each slash before the first `**`, and up to that, if more follows. */
function leadingOf(text: string): string[] {
  const deep = text.indexOf('**')
  const slashes = [...text].flatMap((character, at) => (character === '/' && (deep < 0 || at < deep) ? [at] : []))
  const fixed = slashes.map((at) => text.slice(0, at) || '/')
  return deep < 0 || deep + 2 === text.length ? fixed : [...fixed, text.slice(0, deep + 2)]
}

const matches = (globs: readonly Glob[], path: ByteString): boolean => globs.some((glob) => globMatches(glob, path))
export const names = ({ named }: PathSet, path: ByteString): boolean => matches(named, path)
export const lists = (set: PathSet, path: ByteString): boolean => names(set, path) || matches(set.listed, path)
export const leadsTo = (set: PathSet, path: ByteString): boolean => lists(set, path) || matches(set.leading, path)
/** Everything below that path is named, whatever it is called. */
export const namesBelow = ({ named }: PathSet, path: ByteString): boolean =>
  named.some((glob) => glob.pattern.endsWith('**') && globMatches(glob, path))
/** Something below that path may be named. */
export const reachesBelow = (set: PathSet, path: ByteString): boolean =>
  namesBelow(set, path) || matches(set.listed, path) || matches(set.leading, path)

/** A path of a request, as it is judged and as it is passed on. */
export interface ResolvedPath {
  /** Absent for a relative one when nobody has told where from. */
  readonly whole?: ByteString
  /** Names the same file as `whole`, whatever links there are on the way: no `..` behind a name is left in it. */
  readonly sent: ByteString
}

/**
 * Counts a path from `base`, a directory without links in its own path. What `..` behind a name leads to depends on whether
 * that is a link; so the path is passed on without.
 */
export function resolvePath(path: ByteString, base: ByteString | undefined): ResolvedPath {
  const { short, turned } = shortest(path)
  const sent = turned ? short : path
  if (path.startsWith('/')) return { whole: short, sent }
  return base === undefined ? { sent } : { whole: shortest(`${base}/${short}`).short, sent }
}

/** `turned`: a `..` came behind a name, and took it away. */
function shortest(path: string): { readonly short: ByteString; readonly turned: boolean } {
  const isWhole = path.startsWith('/')
  const steps: string[] = []
  let turned = false
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue
    const last = steps.at(-1)
    if (step !== '..') steps.push(step)
    else if (last !== undefined && last !== '..') turned = steps.pop() !== undefined
    else if (!isWhole) steps.push(step)
  }
  const joined = steps.join('/')
  return { short: (isWhole ? `/${joined}` : joined || '.') as ByteString, turned }
}
