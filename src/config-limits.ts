import type { WrittenConfig } from './config-schema.ts'
import { duration, type Problem, readCidrs } from './config-values.ts'
import type { PenaltyRules } from './gateway/penalties.ts'
import type { Milliseconds } from './model/units.ts'

/** `limits:` with its defaults filled in. */
export interface Limits {
  readonly unauthenticated: number
  readonly unauthenticatedPerSource: number
  readonly unauthenticatedDropFrom: number
  readonly unauthenticatedDropPercent: number
  readonly signIns: number
  readonly signInsPerSource: number
  readonly signInsPerMinute: number
  readonly signInsPerMinutePerSource: number
  readonly strangerRefusalsPerMinute: number
  readonly identWait: Milliseconds
  readonly grace: Milliseconds
  readonly signInGrace: Milliseconds
  readonly offers: number
  readonly attempts: number
  readonly rsaBits: number
  readonly sessions: number
  readonly sessionsPerPerson: number
  readonly channels: number
  readonly unanswered: number
  readonly menuIdle: Milliseconds
  readonly connect: Milliseconds
  readonly handshake: Milliseconds
  readonly rekeyBytes: number
  readonly rekeyAfter: Milliseconds
  readonly penalties: PenaltyRules
}

type Written = NonNullable<WrittenConfig['limits']>

export function readLimits(limits: Written, problem: Problem): Limits {
  return {
    unauthenticated: limits.unauthenticated ?? 300,
    unauthenticatedPerSource: limits.unauthenticated_per_source ?? 20,
    unauthenticatedDropFrom: limits.unauthenticated_drop_from ?? 100,
    unauthenticatedDropPercent: limits.unauthenticated_drop_percent ?? 30,
    signIns: limits.sign_ins ?? 1_000,
    signInsPerSource: limits.sign_ins_per_source ?? 5,
    signInsPerMinute: limits.sign_ins_per_minute ?? 300,
    signInsPerMinutePerSource: limits.sign_ins_per_minute_per_source ?? 20,
    strangerRefusalsPerMinute: limits.stranger_refusals_per_minute ?? 60,
    identWait: duration(limits.ident_wait, '10s'),
    grace: duration(limits.grace, '60s'),
    signInGrace: duration(limits.sign_in_grace, '10m'),
    offers: limits.offers ?? 20,
    attempts: limits.attempts ?? 6,
    rsaBits: limits.rsa_bits ?? 3_072,
    sessions: limits.sessions ?? 5_000,
    sessionsPerPerson: limits.sessions_per_person ?? 50,
    channels: limits.channels ?? 256,
    unanswered: limits.unanswered ?? 256,
    menuIdle: duration(limits.menu_idle, '10m'),
    connect: duration(limits.connect, '10s'),
    handshake: duration(limits.handshake, '20s'),
    rekeyBytes: Number.parseInt(limits.rekey_bytes ?? '1024MiB', 10) * 1024 ** 2,
    rekeyAfter: duration(limits.rekey_after, '1h'),
    penalties: readPenalties(limits.penalties ?? {}, problem),
  }
}

/** The defaults are OpenSSH 9.8's. */
function readPenalties(written: NonNullable<Written['penalties']>, problem: Problem): PenaltyRules {
  const rules = {
    amounts: {
      'crash': duration(written.crash, '90s'),
      'authfail': duration(written.authfail, '5s'),
      'grace-exceeded': duration(written.grace_exceeded, '10s'),
      'refuse-connection': duration(written.refuse_connection, '10s'),
      'noauth': duration(written.noauth, '1s'),
    },
    least: duration(written.min, '15s'),
    most: duration(written.max, '10m'),
    sources: written.sources ?? 65_536,
    overflow: written.overflow ?? 'permissive',
    exempt: readCidrs(written.exempt ?? [], '/limits/penalties/exempt', problem),
  }
  if (rules.most < rules.least) problem('/limits/penalties/max', 'is less than min')
  if (rules.most > longest) problem('/limits/penalties/max', 'is more than 1d')
  return rules
}

/** Milliseconds. */
const longest = 86_400_000
