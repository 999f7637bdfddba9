import { type Check, differences } from './check.ts'
import type { Page } from './page.ts'

/** One thing that is tried. */
export interface Step {
  readonly title: string
  /** Says on the page what it does and sees. */
  run(page: Page): Promise<Outcome>
}
export interface Outcome {
  /** The field of the certificate, the grant or the reason that decided. */
  readonly decidedBy: string
  readonly checks: readonly Check[]
}
export interface Result {
  readonly title: string
  /** Empty when all was as expected. */
  readonly differences: readonly string[]
}

/** Takes every step in turn; one that fails does not keep the others from being taken. Rejects when `signal` aborts. */
export async function walk(steps: readonly Step[], page: Page, signal: AbortSignal): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const [index, step] of steps.entries()) {
    page.step(index + 1, step.title)
    const differing = await take(step, page)
    signal.throwIfAborted()
    page.verdict(differing)
    results.push({ title: step.title, differences: differing })
  }
  return results
}

async function take(step: Step, page: Page): Promise<string[]> {
  try {
    const { decidedBy, checks } = await step.run(page)
    page.decidedBy(decidedBy)
    return differences(checks)
  } catch (fault) {
    return [`the step failed: ${fault instanceof Error ? fault.message : fault}`]
  }
}

/** 0 when every step was taken and went as expected. */
export const exitCodeOf = (results: readonly Result[]): number =>
  results.length > 0 && results.every((result) => result.differences.length === 0) ? 0 : 1
