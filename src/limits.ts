import type { Config } from './config.ts'
import type { Limits } from './config-limits.ts'
import type { PlaceLimits } from './gateway/places.ts'

/** Limits that are numbers. */
type Count = { [Key in keyof Limits]: Limits[Key] extends number ? Key : never }[keyof Limits]

/** Two limits as they are whenever they are looked at. */
export const limitsOf = (now: () => Config, total: Count, perSource: Count) => ({
  get total() {
    return now().limits[total]
  },
  get perSource() {
    return now().limits[perSource]
  },
})

/** For those who are not let in yet. */
export const unauthenticatedLimits = (now: () => Config): PlaceLimits => ({
  get total() {
    return now().limits.unauthenticated
  },
  get perSource() {
    return now().limits.unauthenticatedPerSource
  },
  get early() {
    const { unauthenticatedDropFrom: from, unauthenticatedDropPercent: percent } = now().limits
    return { from, percent }
  },
})
