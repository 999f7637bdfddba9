import { readFileSync } from 'node:fs'
import { type HostAndPort, readAddress, usualHttp } from './config.ts'
import { readYaml } from './config-file.ts'
import { configSchema, hostAndPort } from './config-schema.ts'
import { GatewayError } from './model/errors.ts'
import { shapeFaults } from './model/shape.ts'

/** `http.listen` alone, for those who only call: what else the file holds may be wrong, or not for their eyes. */
export function readListenAddress(file: string): HostAndPort {
  const { value } = readYaml(file, readOwn(file), process.env, configSchema)
  const listen = (value as { http?: { listen?: unknown } } | undefined)?.http?.listen
  if (listen === undefined) return readAddress(usualHttp)
  if (typeof listen === 'string' && shapeFaults(hostAndPort, listen).length === 0) return readAddress(listen)
  throw new GatewayError('CONFIG_INVALID', `${file}: http.listen does not read: name the gateway with --url`)
}

function readOwn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'it cannot be read'
    throw new GatewayError('CONFIG_INVALID', `${file}: ${why}: name the gateway with --url`, { cause })
  }
}
