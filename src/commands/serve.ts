import { readConfig } from '../config.ts'

/**
 * Runs the gateway until SIGTERM or SIGINT; a second one does not wait for live sessions. Of several workers this process is
 * the supervisor, which loads nothing of what they do.
 */
export async function serve(file: string): Promise<void> {
  const config = readConfig(file, process.env)
  if (config.workers > 1) {
    const { supervise } = await import('../supervise.ts')
    process.exit(await supervise(file, config))
  }
  const { serveAlone } = await import('../serve-alone.ts')
  await serveAlone(file)
  process.exit(0)
}
