import { readWithTraces } from '../read-config.ts'
import { startThreads } from '../threads-ahead.ts'

/**
 * Runs the gateway until SIGTERM or SIGINT; a second one does not wait for live sessions. Of several workers this process is
 * the supervisor, which loads nothing of what they do. The order: the configuration, with what it takes to read one; then the
 * threads, which load their own code; and beside them the rest of the program, most of the time until `ready`.
 */
export async function serve(file: string): Promise<void> {
  const read = readWithTraces(file)
  if (read.config.workers > 1) {
    const { supervise } = await import('../supervise.ts')
    process.exit(await supervise(file, read.config))
  }
  await using threads = startThreads(read.config) // or those of a gateway that cannot start would keep the process
  const { serveAlone } = await import('../serve-alone.ts')
  await serveAlone(read, threads)
  process.exit(0)
}
