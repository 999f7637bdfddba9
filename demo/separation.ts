import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { processes, readOf } from './processes.ts'

const folder = '/run/sshd'

/**
 * Where an sshd that root runs shuts itself in before anybody is let in. It is there where sshd is a service; where it is
 * not, it is made, and removed again unless somebody else's sshd has come to use it.
 */
export function separationFolder(): Disposable {
  if (process.getuid?.() !== 0 || existsSync(folder)) return { [Symbol.dispose]: () => {} }
  mkdirSync(folder, { mode: 0o755 })
  const remove = (): void => {
    if (existsSync(folder) && !processes().some((pid) => readOf(pid, 'comm').startsWith('sshd'))) rmdirSync(folder)
  }
  process.once('exit', remove)
  return { [Symbol.dispose]: remove }
}
