import { readFileSync, statSync } from 'node:fs'
import { GatewayError } from './model/errors.ts'

const keyMost = 65_536
const listMost = 4 * 1024 * 1024

/**
 * The text of a private key file, which nobody but its owner may read or write and whose owner is we or root (as
 * OpenSSH: authfile.c, sshkey_perm_ok). Throws KEY_FILE.
 */
export const readKeyFile = (path: string): string => readGuarded(path, 0o077, 'chmod 600', keyMost)

/** The text of a public key file, which nobody but its owner may write: who may, says whom hosts trust. Throws KEY_FILE. */
export const readPublicKeyFile = (path: string): string => readGuarded(path, 0o022, 'chmod 644', keyMost)

/** The text of a file that says whose keys open what, as sshd takes it with StrictModes. Throws KEY_FILE. */
export const readKeyList = (path: string): string => readGuarded(path, 0o022, 'chmod go-w', listMost)

function readGuarded(path: string, closed: number, remedy: string, most: number): string {
  const { mode, uid, size } = found(path)
  if (!mode.isFile) throw new GatewayError('KEY_FILE', `${path} is no file`)
  if ((mode.bits & closed) !== 0)
    throw new GatewayError(
      'KEY_FILE',
      `${path} is open to others (mode ${mode.bits.toString(8).padStart(4, '0')}): ${remedy} it`,
    )
  if (uid !== 0 && uid !== process.getuid?.())
    throw new GatewayError('KEY_FILE', `${path} belongs to another user (${uid})`)
  if (size > most) throw new GatewayError('KEY_FILE', `${path} is too large`)
  return readFileSync(path, 'utf8')
}

function found(path: string) {
  try {
    const stats = statSync(path)
    return { mode: { isFile: stats.isFile(), bits: stats.mode & 0o777 }, uid: stats.uid, size: stats.size }
  } catch (cause) {
    throw new GatewayError(
      'KEY_FILE',
      `${path}: ${(cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message}`,
      { cause },
    )
  }
}
