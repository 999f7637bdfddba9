import './node-version.js'

/*
 * What a worker runs: `worker.ts FILE RUN NUMBER [GONE…]`, as a child of the supervisor (see supervise.ts). A terminal or
 * systemd may send a signal to all processes of a group: what is to be done about it the supervisor says. It is loaded here
 * only then.
 */
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => {})
process.once('disconnect', () => process.exit(1))
const [file = '', run = '', number = '', ...gone] = process.argv.slice(2)
try {
  // The order is that of commands/serve.ts.
  const { readWithTraces } = await import('./read-config.ts')
  const read = readWithTraces(file)
  const { startThreads } = await import('./threads-ahead.ts')
  const threads = startThreads(read.config)
  const { work } = await import('./work.ts')
  await work(read, threads, { run, worker: Number(number), gone: gone.map(Number) })
} catch (thrown) {
  const { failureOf } = await import('./failure.ts')
  process.send?.({ say: 'failed', details: failureOf(thrown) }, () => process.exit(1))
}
