import { readFileSync } from 'node:fs'
import type { Folder } from './folder.ts'
import { freePort } from './free-port.ts'
import { Journal } from './journal.ts'
import { start, startMost } from './process.ts'
import { endLeftovers, sessionMark } from './sessions.ts'

/** A host that is logged in to: a real sshd on 127.0.0.1 that knows the user CA and no key of anybody. */
export interface Target extends AsyncDisposable {
  readonly name: string
  readonly port: number
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  readonly journal: Journal
  /** Aborts when it has ended. */
  readonly ended: AbortSignal
}

export const sshdPath = '/usr/sbin/sshd'

/** `login` is the account that runs the demo: without being root an sshd can let in nobody else. */
export async function startTarget(name: string, login: string, folder: Folder, signal: AbortSignal): Promise<Target> {
  await using undo = new AsyncDisposableStack()
  const journal = undo.use(new Journal(folder.at(`${name}.log`)))
  const hostKey = folder.key(`${name}_host`).split(' ').slice(0, 2).join(' ')
  const leftovers = (): void => endLeftovers(sessionMark(folder))
  process.once('exit', leftovers)
  undo.defer(leftovers)
  const configure = (port: number): string => folder.write(`${name}_sshd.conf`, sshdConfig(name, port, login, folder))
  const { port, program } = await listen(configure, folder.path, journal, signal)
  undo.defer(() => program.stop())
  const life = undo.move()
  const { ended } = program
  return { name, port, hostKey, journal, ended, [Symbol.asyncDispose]: () => life.disposeAsync() }
}

/** A port that was free may be somebody else's a moment later: then there is another. */
async function listen(configure: (port: number) => string, cwd: string, journal: Journal, signal: AbortSignal) {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    const program = start(sshdPath, ['-D', '-e', '-f', configure(port)], cwd, journal)
    try {
      await journal.line(
        new RegExp(`^Server listening on .* port ${port}\\.`),
        AbortSignal.any([signal, program.ended, AbortSignal.timeout(startMost)]),
      )
      return { port, program }
    } catch (fault) {
      await program.stop()
      if (tries === 3 || !journal.lines.some((line) => line.includes(`Bind to port ${port}`))) throw fault
    }
  }
}

function sshdConfig(name: string, port: number, login: string, folder: Folder): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey "${folder.at(`${name}_host`)}"`,
    // This line is all that a host needs of Regate.
    `TrustedUserCAKeys "${folder.at('user_ca.pub')}"`,
    'AuthorizedKeysFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    `AllowUsers ${login}`,
    'PermitRootLogin prohibit-password',
    `UsePAM ${isLocked(login) ? 'yes' : 'no'}`,
    'StrictModes no',
    'PidFile none',
    'PrintMotd no',
    'PrintLastLog no',
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    `SetEnv "${sessionMark(folder)}"`,
    '',
  ].join('\n')
}

/** An account whose password begins with `!` is closed to keys too, unless PAM is asked. Only root can read it, and must. */
function isLocked(login: string): boolean {
  try {
    return readFileSync('/etc/shadow', 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${login}:!`))
  } catch {
    return false
  }
}
