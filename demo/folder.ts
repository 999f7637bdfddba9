import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newKey } from '../src/certificate/new-key.ts'

/** Everything that the demo writes is in one folder, which is gone when the process ends, however it ends. */
export interface Folder extends Disposable {
  readonly path: string
  at(name: string): string
  write(name: string, content: string | Buffer): string
  /** A key pair `name`, `name.pub`; answers the public line. */
  key(name: string): string
  read(name: string): string
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'regate-demo-'))
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  process.once('exit', remove)
  const at = (name: string): string => join(path, name)
  const write = (name: string, content: string | Buffer): string => {
    writeFileSync(at(name), content, { mode: 0o600 })
    return at(name)
  }
  return {
    path,
    at,
    write,
    key(name) {
      const { privateKey, publicKey } = newKey(name)
      write(name, privateKey)
      write(`${name}.pub`, publicKey)
      return publicKey.trim()
    },
    read: (name) => readFileSync(at(name), 'utf8'),
    [Symbol.dispose]: remove,
  }
}
