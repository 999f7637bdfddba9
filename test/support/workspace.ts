import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of a test's own, gone at its end. */
export interface Workspace extends Disposable {
  readonly folder: string
  path(name: string): string
  write(name: string, text: string, mode?: number): string
  read(name: string): string
  /** An unencrypted key pair `name`, `name.pub`; answers the path. */
  key(name: string, type?: string, ...more: string[]): string
}

export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'regate-'))
  const path = (name: string): string => join(folder, name)
  return {
    folder,
    path,
    write(name, text, mode = 0o600) {
      writeFileSync(path(name), text, { mode })
      return path(name)
    },
    read: (name) => readFileSync(path(name), 'utf8'),
    key(name, type = 'ed25519', ...more) {
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', name, ...more, '-f', path(name)])
      return path(name)
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
