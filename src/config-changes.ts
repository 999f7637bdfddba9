import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'

/** What a gateway takes over of a changed configuration while it runs: routes, limits, tokens. */
export const takenOver = (now: Config, { limits, routes, http: { tokens } }: Config): Config => ({
  ...now,
  limits,
  routes,
  http: { ...now.http, tokens },
})

/** The sections in which more differs than is taken over. */
export function restartNeeded(now: Config, next: Config): string[] {
  const taken = takenOver(now, next)
  return (Object.keys(taken) as (keyof Config)[]).filter((key) => !isDeepStrictEqual(taken[key], next[key]))
}
