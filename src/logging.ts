import pino from 'pino'
import type { Config } from './config.ts'
import type { Log } from './model/log.ts'

/** With what is said before the process ends for it. */
export interface ProcessLog extends Log {
  fatal(fields: object, message: string): void
}

/**
 * Lines go out beside the work: who reads them slowly holds up nobody, and many that come at once take one write. Beyond
 * this many characters that wait, more are dropped (the decision log is elsewhere). At the end all are written first. What
 * cannot be written, on a full disk say, is tried again with the next line, and ends nothing.
 */
export function createOutput() {
  const output = pino.destination({ dest: 1, sync: false, maxLength: 16 * 1024 * 1024 })
  let isBroken = false
  output.on('error', () => {
    isBroken = true
  })
  output.on('write', () => {
    isBroken = false
  })
  // It tries for ever, and meanwhile nothing else is done.
  const flushSync = output.flushSync.bind(output)
  output.flushSync = () => {
    if (!isBroken) flushSync()
  }
  return output
}

/** The log of this process; `worker` where it is one of several. */
export const createLog = (
  { log, gateway }: Pick<Config, 'log' | 'gateway'>,
  fields: { readonly worker?: number } = {},
  output = createOutput(),
): ProcessLog => pino({ level: log.level, base: { gateway: gateway.name, ...fields } }, output)
