import type { UnixSeconds } from '../model/units.ts'

const written = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z|UTC)?$/i

/**
 * `YYYYMMDD[HHMM[SS]][Z]` (sshd(8), expiry-time; misc.c, parse_absolute_time): in the time zone of the process unless a Z
 * follows. Undefined for anything else, and for a day or an hour that no calendar has.
 */
export function parseExpiryTime(text: string): UnixSeconds | undefined {
  const [whole, ...parts] = written.exec(text) ?? []
  if (whole === undefined) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(0, 6)
    .map((part) => Number(part ?? 0))
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  if (utc.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '') !== canonical(text)) return undefined
  const local = new Date(year, month - 1, day, hour, minute, second)
  const seconds = (parts[6] === undefined ? local : utc).getTime() / 1000
  return seconds < 0 ? undefined : (seconds as UnixSeconds)
}

const canonical = (text: string): string => text.replace(/(Z|UTC)$/i, '').padEnd(14, '0')
