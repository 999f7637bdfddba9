import type { Limits } from './config-limits.ts'
import type { CommonLimits } from './gateway/commons.ts'

/** The limits that hold for all processes together. */
export const commonLimits = (limits: Limits): CommonLimits => ({
  unauthenticated: {
    total: limits.unauthenticated,
    perSource: limits.unauthenticatedPerSource,
    early: { from: limits.unauthenticatedDropFrom, percent: limits.unauthenticatedDropPercent },
  },
  penalties: limits.penalties,
  signIns: { total: limits.signIns, perSource: limits.signInsPerSource },
  signInsPerMinute: { total: limits.signInsPerMinute, perSource: limits.signInsPerMinutePerSource },
  strangerRefusalsPerMinute: limits.strangerRefusalsPerMinute,
})
