import type { Config, Limits } from './config.ts'
import { Places } from './gateway/places.ts'

/** Two limits as they are whenever they are looked at. */
export const limitsOf = (now: () => Config, total: keyof Limits, perSource: keyof Limits) => ({
  get total() {
    return now().limits[total]
  },
  get perSource() {
    return now().limits[perSource]
  },
})
export const placesOf = (now: () => Config, total: keyof Limits, perSource: keyof Limits): Places =>
  new Places(limitsOf(now, total, perSource))
