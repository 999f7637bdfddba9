import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { sshdPath } from './sshd.ts'

/** Throws with what is missing of the programs that the demo runs. */
export function requirePrograms(path = process.env.PATH ?? ''): void {
  const folders = path.split(':')
  const missing = ['ssh', 'ssh-keygen', 'curl'].filter((name) => !folders.some((folder) => runs(join(folder, name))))
  if (!runs(sshdPath)) missing.push(sshdPath)
  if (missing.length > 0) throw new Error(`the demo runs ${missing.join(', ')}: missing here (bin/setup debian)`)
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
