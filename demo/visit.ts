import type { Check } from './check.ts'
import type { DecisionEvent } from './decisions.ts'
import type { Page } from './page.ts'
import type { Client, Person } from './people.ts'
import { type Finished, run } from './process.ts'
import type { Stage } from './stage.ts'

export interface Call {
  /** Whose `ssh -F` file it is. */
  readonly as: Client
  /** A route; absent: the gateway itself. */
  readonly to?: string
  /** By the gateway as a jump host, in place of `login@route@gate`. */
  readonly jump?: boolean
  readonly options?: readonly string[]
  readonly command?: string
  /** Typed into the shell. */
  readonly input?: string
  /** Who the tour is in the browser, once a code is shown. Absent: nobody has to sign in. */
  readonly signIn?: Person
}
export interface Visit extends Finished {
  /** In the decision log because of it, oldest first. */
  readonly decisions: readonly DecisionEvent[]
}

/** Runs stock ssh to its end, as a person would, with the tour at the browser. */
export async function visit(call: Call, stage: Stage, page: Page): Promise<Visit> {
  const words = sshWords(call, stage)
  page.command(['ssh', ...words])
  if (call.input !== undefined) page.typed(call.input)
  let browser: Promise<void> | undefined
  const finished = await run('ssh', words, {
    cwd: stage.folder.path,
    signal: stage.signal,
    ...(call.input === undefined ? {} : { input: call.input, env: { TERM: 'dumb' } }),
    onStderr: (text) => {
      const [, code] = /Code {3}([A-Z]{4}-[A-Z]{4})/.exec(text) ?? []
      if (code === undefined || browser !== undefined) return
      browser = call.signIn === undefined ? stage.issuer.deny(code) : stage.issuer.approve(code, call.signIn)
      browser.catch(() => {}) // looked at below, when ssh has ended
    },
  })
  await browser
  return { ...finished, decisions: await stage.decisions.news() }
}

export function sshWords({ as, to, jump = false, options = [], command }: Call, { login }: Pick<Stage, 'login'>) {
  const destination = to === undefined ? 'gate' : jump ? `${login}@${to}` : `${login}@${to}@gate`
  const words = ['-F', as, ...options, ...(jump ? ['-J', 'gate'] : []), destination]
  return command === undefined ? words : [...words, command]
}

export interface Expected {
  readonly outcome: 'allow' | 'deny'
  readonly code?: string
  /** Absent: nobody has signed in. */
  readonly username?: Person
  readonly route: string
}

/** One visit, one decision; and it says who, where, and what became of it. */
export function expectDecision(
  { decisions }: Pick<Visit, 'decisions'>,
  { outcome, code, username, route }: Expected,
): Check[] {
  const found = decisions.map(shapeOf)
  return [{ what: 'decisions in the log', found, expected: [{ outcome, code, username, route }] }]
}

/** Who, where, and what became of it. */
export const shapeOf = (event: DecisionEvent | undefined) => ({
  outcome: event?.mapped_result.outcome,
  code: event?.mapped_result.code,
  username: event?.input.identity?.username,
  route: event?.input.target.route,
})

/** `developers-staging (developer on staging)`: the grant or the reason that the policy gave. */
export function reasonOf(event: DecisionEvent | undefined): string {
  const [reason] = event?.result?.reasons ?? []
  if (reason === undefined) return event?.mapped_result.code ?? 'nothing: there is no decision'
  return reason.message === '' ? reason.code : `${reason.code} (${reason.message})`
}
