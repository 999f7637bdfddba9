import pino from 'pino'
import type { Config } from './config.ts'
import type { Log } from './model/log.ts'

/** With what is said before the process ends for it. */
export interface ProcessLog extends Log {
  fatal(fields: object, message: string): void
}

/** Where lines go: stdout. */
export const createOutput = () => pino.destination({ fd: 1, sync: true })

/** The log of this process; `worker` where it is one of several. */
export const createLog = (
  { log, gateway }: Pick<Config, 'log' | 'gateway'>,
  fields: { readonly worker?: number } = {},
  output = createOutput(),
): ProcessLog => pino({ level: log.level, base: { gateway: gateway.name, ...fields } }, output)
