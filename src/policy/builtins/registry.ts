import { patch } from './json-patch.ts'
import { cidrIsValid } from './network.ts'
import { print, trace } from './notes.ts'
import { rangeStep } from './numbers.ts'
import { subset } from './objects.ts'
import type { Builtin } from './operands.ts'
import { sprintf } from './sprintf.ts'
import * as strings from './strings.ts'
import * as time from './time.ts'

/** The built-in functions that a policy calls and the gateway serves; the others are in the module itself (capabilities.ts). */
export const builtins: ReadonlyMap<string, Builtin> = new Map(
  Object.entries({
    'indexof_n': strings.indexOfN,
    'internal.print': print,
    'json.patch': patch,
    'net.cidr_is_valid': cidrIsValid,
    'numbers.range_step': rangeStep,
    'object.subset': subset,
    'sprintf': sprintf,
    'strings.any_prefix_match': strings.anyPrefixMatch,
    'strings.any_suffix_match': strings.anySuffixMatch,
    'strings.count': strings.count,
    'strings.split_n': strings.splitN,
    'time.add_date': time.addDate,
    'time.clock': time.clock,
    'time.date': time.date,
    'time.diff': time.diff,
    'time.format': time.format,
    'time.now_ns': time.nowNs,
    'time.parse_duration_ns': time.parseDurationNs,
    'time.parse_ns': time.parseNs,
    'time.parse_rfc3339_ns': time.parseRfc3339Ns,
    'time.weekday': time.weekday,
    'trace': trace,
  } satisfies Record<string, Builtin>),
)

/** Those that do not answer the same to the same arguments at another time; what they said is written down. */
export const nondeterministic: ReadonlySet<string> = new Set(['time.now_ns'])
