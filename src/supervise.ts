import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { extname, join, resolve } from 'node:path'
import type { Config } from './config.ts'
import { commonLimits } from './limits.ts'
import { createLog, createOutput } from './logging.ts'
import { faultFields } from './model/log.ts'
import { sayReady, stopSignal, stopWhenTold } from './signals.ts'
import { NotStarted } from './workers/member.ts'
import { Supervisor } from './workers/supervisor.ts'

/** What a worker runs: the sources in a checkout, `dist/` in the package. */
const program = join(import.meta.dirname, `worker${extname(import.meta.filename)}`)

/** Runs the workers until it is told to stop; answers the exit code. */
export async function supervise(file: string, config: Config): Promise<number> {
  const output = createOutput()
  const log = createLog(config, {}, output)
  process.on('uncaughtException', (fault) => {
    log.fatal(faultFields(fault), 'the supervisor met a fault of its own')
    process.exit(1)
  })
  process.stderr.on('error', () => {}) // what a worker says there on its end is not worth that of the others
  const run = randomUUID()
  const path = resolve(file)
  try {
    const supervisor = await Supervisor.start({
      workers: config.workers,
      listen: { ssh: config.gateway.listen, http: config.http.listen },
      limits: commonLimits(config.limits),
      fork: (number, gone) =>
        fork(program, [path, run, `${number}`, ...gone.map(String)], {
          serialization: 'advanced',
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        }),
      output: { line: (line) => void output.write(line), fault: (line) => void process.stderr.write(line) },
      log,
    })
    const stopped = stopSignal() // heard before `ready` is said: who waits for that may stop it at once
    process.on('SIGHUP', () => supervisor.reload())
    process.on('SIGUSR2', () => void supervisor.restart())
    sayReady(log, config, { sshPort: supervisor.portOf('ssh'), httpPort: supervisor.portOf('http') })

    await stopWhenTold(stopped, log, (now) => supervisor.stop(now))
    return 0
  } catch (thrown) {
    if (!(thrown instanceof NotStarted)) throw thrown
    console.error(thrown.message)
    return thrown.exitCode
  }
}
