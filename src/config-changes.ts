import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'

/** What a gateway takes over while it runs: routes, limits, tokens. Answers the sections in which more than that differs. */
export function restartNeeded(now: Config, next: Config): string[] {
  const fixed = ({ limits: _, routes: __, http, ...rest }: Config) => ({ ...rest, http: { ...http, tokens: [] } })
  const [before, after] = [fixed(now), fixed(next)]
  return (Object.keys(before) as (keyof typeof before)[]).filter((key) => !isDeepStrictEqual(before[key], after[key]))
}
