import type { Stage } from './stage.ts'
import { allowedCommand, chainedCommand, refusedShell } from './tour/contractor.ts'
import { firstLogin, refusedForward, secondLogin, shell } from './tour/developer.ts'
import { jumped, routes } from './tour/door.ts'
import { certificate, targetLog } from './tour/evidence.ts'
import { narrowed } from './tour/narrowed.ts'
import { authority, decisionLog } from './tour/records.ts'
import { revoked } from './tour/revoked.ts'
import { frozenRoute, noAccess, noSuchRoute } from './tour/strangers.ts'
import type { Step } from './walk.ts'

export const tour = (stage: Stage): Step[] =>
  [
    firstLogin,
    certificate,
    targetLog,
    secondLogin,
    routes,
    jumped,
    shell,
    refusedForward,
    allowedCommand,
    refusedShell,
    chainedCommand,
    noAccess,
    noSuchRoute,
    frozenRoute,
    narrowed,
    revoked,
    decisionLog,
    authority,
  ].map((step) => step(stage))
