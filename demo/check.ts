import { isDeepStrictEqual } from 'node:util'

/** One thing that a step found, beside what it had to be: the same value, or a text that the pattern matches. */
export interface Check {
  readonly what: string
  readonly found: unknown
  readonly expected: unknown
}

/** A line for each check that does not hold. */
export function differences(checks: readonly Check[]): string[] {
  return checks
    .filter((check) => !holds(check))
    .map(({ what, found, expected }) => `${what}: expected ${show(expected)}, found ${show(found)}`)
}

function holds({ found, expected }: Check): boolean {
  return expected instanceof RegExp
    ? typeof found === 'string' && expected.test(found)
    : isDeepStrictEqual(found, expected)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  return value instanceof RegExp ? `${value}` : JSON.stringify(value)
}
