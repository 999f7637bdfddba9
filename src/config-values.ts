import { type Cidr, parseCidr } from './model/address.ts'
import { printable } from './model/text.ts'
import { type Milliseconds, parseDuration } from './model/units.ts'

/** Takes a fault of the configuration; `pointer` is where it stands, as JSON pointers have it. */
export type Problem = (pointer: string, message: string) => void

/** The shape was checked: it is one. */
export function duration(written: string | undefined, usual: string): Milliseconds {
  return parseDuration(written ?? usual) ?? (0 as Milliseconds)
}

export function readCidrs(written: readonly string[], pointer: string, problem: Problem): Cidr[] {
  return written.flatMap((text, index) => {
    const cidr = parseCidr(text)
    if (cidr === undefined) problem(`${pointer}/${index}`, `${printable(text, 80)} is no CIDR`)
    return cidr ?? []
  })
}
