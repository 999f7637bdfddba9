import type { Certificate } from '../model/certificate.ts'
import type { GatewayError } from '../model/errors.ts'
import type { Epoch } from './epoch.ts'
import type { Life, Renewal } from './life.ts'
import type { Turns } from './turns.ts'
import type { Refusal } from './words.ts'

export interface RenewalParts {
  readonly epoch: Epoch
  /** Of all sessions that ask at once, so that admissions find the policy free. */
  readonly turns: Turns
}
/** What comes of it. */
export interface Course {
  renewed(certificate: Certificate, decisionId: string): void
  /** It is asked again. */
  failed(fault: GatewayError): void
  denied(fault: GatewayError, refusal: Refusal): void
}

/** A failing evaluation is tried again after so many milliseconds, and each time after twice as many. */
const firstRetry = 250
const retryMost = 15_000

/**
 * Asks the policy again, before the certificate ends and as soon as something has changed that its answer rests on, until
 * it says no or `signal` is aborted. One question at a time; an answer that is stale when it comes is not acted on, and so
 * the later question always wins.
 */
export async function renewals(life: Life, course: Course, parts: RenewalParts, signal: AbortSignal): Promise<void> {
  let retry = firstRetry
  let dueAt = renewAt(life.certificate)
  while (!signal.aborted) {
    if (!life.isStale) await changeOr(dueAt, parts.epoch, signal)
    const renewal = await askInTurn(life, parts.turns, signal)
    if (renewal === undefined) return
    switch (renewal.outcome) {
      case 'stale':
        break
      case 'renewed':
        retry = firstRetry
        dueAt = renewAt(renewal.certificate)
        course.renewed(renewal.certificate, renewal.decisionId)
        break
      case 'failed':
        course.failed(renewal.fault)
        await changeOr(Date.now() + retry, parts.epoch, signal)
        retry = Math.min(retry * 2, retryMost)
        dueAt = Date.now()
        break
      case 'denied':
        return course.denied(renewal.fault, renewal.refusal)
    }
  }
}

async function askInTurn(life: Life, turns: Turns, signal: AbortSignal): Promise<Renewal | undefined> {
  using turn = await turns.take()
  if (signal.aborted) return undefined
  const renewal = await life.renew(signal, { answered: () => turn[Symbol.dispose]() })
  return signal.aborted ? undefined : renewal
}

/** Milliseconds since 1970: a tenth of its time before it ends, but not all at once with those issued at the same time. */
function renewAt({ validBefore }: Certificate): number {
  const end = validBefore * 1000
  const left = end - Date.now()
  const early = Math.min(left / 2, Math.max(left / 10, 2_000), 60_000)
  return end - early * (1 + Math.random() / 4)
}

/** Until that instant, or the next change, whichever is first. */
async function changeOr(instant: number, epoch: Epoch, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const over = (): void => resolve()
  using _change = epoch.onAdvance(over)
  const timer = setTimeout(over, Math.max(0, instant - Date.now()))
  signal.addEventListener('abort', over)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', over)
}
