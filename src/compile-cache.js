import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'

/**
 * Keeps compiled code from one start to the next (nodejs.org/api/module.html#module-compile-cache), which takes most of the
 * time off that loading needs. What stands there is run unseen, so a folder that anybody else could write is not used, and
 * nothing is said of it: all works as it does at a first start. Threads and children take the folder from the environment.
 * @param {NodeJS.ProcessEnv} env
 */
export function useCompileCache(env) {
  // Whoever names a folder knows it; and whoever wants none gets not even an empty one.
  if (env.NODE_COMPILE_CACHE !== undefined || env.NODE_DISABLE_COMPILE_CACHE !== undefined) return
  const folder = compileCacheFolder(env)
  if (folder === undefined) return
  enableCompileCache(folder)
  env.NODE_COMPILE_CACHE = folder
}

/**
 * `regate` in the user's folder for caches: CACHE_DIRECTORY (systemd.exec(5)) itself, or below XDG_CACHE_HOME (XDG Base Directory
 * Specification), or below `.cache` of HOME. It is made when it is not there. Undefined when there is none to be had that
 * this user alone can write, in folders that nobody but this user and root can change.
 * @param {NodeJS.ProcessEnv} env
 */
export function compileCacheFolder(env) {
  const path = placeOf(env)
  if (path === undefined) return undefined
  try {
    if (!isSafe(firstThatExists(path))) return undefined // before anything is made there; what is made then is safe too
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const folder = realpathSync(path)
    return isPrivate(lstatSync(folder)) ? folder : undefined
  } catch {
    return undefined
  }
}

/** @param {NodeJS.ProcessEnv} env */
function placeOf({ CACHE_DIRECTORY, XDG_CACHE_HOME, HOME }) {
  const [given = ''] = (CACHE_DIRECTORY ?? '').split(':')
  if (isAbsolute(given)) return join(given, 'compiled')
  if (isAbsolute(XDG_CACHE_HOME ?? '')) return join(XDG_CACHE_HOME ?? '', 'regate', 'compiled')
  return isAbsolute(HOME ?? '') ? join(HOME ?? '', '.cache', 'regate', 'compiled') : undefined
}

/**
 * The folder itself, or the nearest above it, without symbolic links.
 * @param {string} path
 * @returns {string}
 */
function firstThatExists(path) {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined ? firstThatExists(dirname(path)) : realpathSync(path)
}

/** @param {import('node:fs').Stats} stats */
const isOurs = ({ uid }) => uid === process.geteuid?.()
/** @param {import('node:fs').Stats} stats */
const isPrivate = (stats) => stats.isDirectory() && isOurs(stats) && (stats.mode & 0o077) === 0

/**
 * Whoever can write one of the folders on the way could put another in the place of what is below it; sticky ones only their own.
 * @param {string} folder
 * @returns {boolean}
 */
function isSafe(folder) {
  const stats = lstatSync(folder)
  const isClosed = (stats.mode & 0o022) === 0 || (stats.mode & 0o1000) !== 0
  if (!stats.isDirectory() || !(isOurs(stats) || stats.uid === 0) || !isClosed) return false
  return folder === dirname(folder) || isSafe(dirname(folder))
}
