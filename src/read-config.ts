import { type Config, readConfig } from './config.ts'
import type { Seen } from './reload.ts'
import { identityOf } from './watch.ts'

/** A configuration, and what its files were before they were read. */
export interface ReadConfig {
  readonly file: string
  readonly config: Config
  readonly seen: Seen
}

/** Throws as readConfig does. */
export function readWithTraces(file: string): ReadConfig {
  const seenConfig = identityOf(file)
  const config = readConfig(file, process.env)
  return { file, config, seen: { config: seenConfig, bundle: identityOf(config.policy.bundle) } }
}
