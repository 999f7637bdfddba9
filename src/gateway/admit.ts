import { makeSubjectKey } from '../certificate/subject-key.ts'
import type { Certificate } from '../model/certificate.ts'
import type { Reason } from '../model/decision.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import type { Leg } from '../ssh/leg.ts'
import { type Target, TargetRefusal } from '../ssh/target.ts'
import { type Answer, ask, certify, type Held, type Knock, type Steps, writeDown } from './decide.ts'
import type { Route } from './routes.ts'
import { type Refusal, refusal } from './words.ts'

export type Admission =
  | ({ readonly outcome: 'admitted'; readonly target: Leg; readonly banner: string } & Admitted)
  /** Nothing stands in the way but that nobody knows who it is. */
  | { readonly outcome: 'sign-in' }
  /** `fault` is for the log. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly fault: GatewayError }

/** What a session rests on, and what another certificate for it takes. */
export interface Admitted extends Held {
  readonly knock: Knock
  readonly decisionId: string
  /** Where the connection leads. */
  readonly route: Pick<Route, 'host' | 'port'>
  readonly certificate: Certificate
  /** From before the policy was asked (see epoch.ts). */
  readonly epoch: number
}

/** Whether the connection must end, for a reason that came up meanwhile. */
export interface Watched {
  readonly fault: GatewayError | undefined
}

/** How often what an answer rests on may change before it is given up. */
export const roundsMost = 8

/**
 * The spine: context → decision → certificate → record → login. One evaluation, one record, one certificate. Nobody is
 * let in and nobody is told of a refusal before the record is durable; what goes wrong on the way is a refusal too. An
 * answer that rests on what is no more is asked for again, and nothing comes of it.
 */
export async function admit(knock: Knock, steps: Steps, watched: Watched, signal: AbortSignal): Promise<Admission> {
  for (let round = 1; ; round++) {
    const answer = await ask(knock, steps)
    const admission = await act(answer, round === roundsMost)
    if (admission !== 'stale') return admission
  }

  async function act({ ruling, entry, epoch }: Answer, last: boolean): Promise<Admission | 'stale'> {
    let isRecorded = false
    let target: Target | undefined
    try {
      if (isStale()) return again()
      if (ruling.outcome === 'sign-in') return ruling // only counted: strangers must not fill the disk
      if (ruling.outcome === 'refuse') return await refuse(ruling.fault, ruling.reasons)

      const subject = makeSubjectKey()
      target = await steps.reach(ruling.route, signal)
      if (isStale()) return again()
      const held = { subjectKey: subject.publicKey, localAddress: target.localAddress }
      const certificate = await certify(ruling, entry, knock, held, steps)
      if (isStale()) return again()
      await steps.record({ ...entry, outcome: 'allow', certificate })
      isRecorded = true
      signal.throwIfAborted()
      if (isStale() && !last) return again() // after the last round it is asked again before it is let in
      const { leg, banner } = await target.login(knock.asked.login, {
        certificate: certificate.signed,
        sign: subject.sign,
      })
      const { decisionId } = entry
      const admitted = { knock, decisionId, route: ruling.route, certificate, ...held, epoch }
      return { outcome: 'admitted', ...admitted, target: leg, banner }
    } catch (thrown) {
      // What went wrong by a stale answer says nothing of the answer to come.
      const isOver = last || isRecorded || signal.aborted || watched.fault !== undefined
      if (!isOver && isStale()) return again()
      target?.leave()
      return await refuse(asGatewayError(thrown, 'INTERNAL', 'a fault of the gateway’s own'))
    }

    /** Throws when the connection must end. */
    function isStale(): boolean {
      if (watched.fault !== undefined) throw watched.fault
      return steps.epoch() !== epoch
    }

    function again(): 'stale' {
      if (last) throw new GatewayError('POLICY_BUSY', 'what the decision rests on changes without end')
      target?.leave()
      return 'stale'
    }

    async function refuse(fault: GatewayError, reasons: readonly Reason[] = []): Promise<Admission> {
      if (knock.identity === undefined && !(await steps.roomForStranger(fault)))
        return { outcome: 'refused', refusal: refusal(fault.code, knock.asked, undefined, reasons), fault }
      const shown = isRecorded ? fault : await writeDown(fault, entry, steps)
      const told = refusal(shown.code, knock.asked, entry.decisionId, reasons)
      const said = shown instanceof TargetRefusal ? { said: shown.said } : {}
      return { outcome: 'refused', refusal: { ...told, ...said }, fault: shown }
    }
  }
}
