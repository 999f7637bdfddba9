import { aligned } from '../../model/lines.ts'

/** Names and values; what has no value is left out. */
export const facts = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string =>
  aligned(pairs.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])))
