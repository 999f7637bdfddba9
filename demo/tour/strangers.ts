import type { Stage } from '../stage.ts'
import { expectDecision, reasonOf, type Visit, visit } from '../visit.ts'
import type { Step } from '../walk.ts'

// Who is let in nowhere, and what they are told: as little as possible, with the id by which it can be looked up.

export const noAccess = (stage: Stage): Step => ({
  title: 'Carol signs in, but no grant is for her',
  async run(page) {
    const done = await visit({ as: 'carol', to: 'staging', command: 'id', signIn: 'carol' }, stage, page)
    page.output(afterSignIn(done.stderr) + done.stdout)
    page.note('The tour has signed in as carol.')
    return {
      decidedBy: `reason ${reasonOf(done.decisions[0])}`,
      checks: [
        ...nothingRan(done),
        { what: 'what ssh says', found: saysTo(done), expected: nobody(`${stage.login}@staging`, done) },
        ...expectDecision(done, { outcome: 'deny', code: 'DENIED_BY_POLICY', username: 'carol', route: 'staging' }),
      ],
    }
  },
})

export const noSuchRoute = (stage: Stage): Step => ({
  title: 'Carol asks for a route that does not exist, and cannot tell the difference',
  async run(page) {
    const done = await visit({ as: 'carol', to: 'payroll', command: 'id' }, stage, page)
    page.output(done.stderr + done.stdout)
    return {
      decidedBy: `reason ${reasonOf(done.decisions[0])}, which only the decision log says`,
      checks: [
        ...nothingRan(done),
        { what: 'what ssh says', found: saysTo(done), expected: nobody(`${stage.login}@payroll`, done) },
        ...expectDecision(done, { outcome: 'deny', code: 'ROUTE_UNKNOWN', username: 'carol', route: 'payroll' }),
      ],
    }
  },
})

export const frozenRoute = (stage: Stage): Step => ({
  title: 'A frozen route: said at once, before anybody has to sign in',
  async run(page) {
    const done = await visit({ as: 'ssh_config', to: 'billing', command: 'id' }, stage, page)
    page.output(done.stderr + done.stdout)
    const [event] = done.decisions
    return {
      decidedBy: `reason ${reasonOf(event)}, from the route's label freeze`,
      checks: [
        ...nothingRan(done),
        {
          what: 'what ssh says',
          found: saysTo(done),
          expected: `denied by policy: frozen: nobody is let in while a change is under way [freeze] (decision ${event?.decision_id})`,
        },
        ...expectDecision(done, { outcome: 'deny', code: 'DENIED_BY_POLICY', route: 'billing' }),
      ],
    }
  },
})

const nothingRan = ({ code, stdout }: Visit) => [
  { what: 'exit code', found: code, expected: 255 },
  { what: 'standard output', found: stdout, expected: '' },
]

/** The gateway's own line. */
const saysTo = ({ stderr }: Visit): string | undefined => /^regate: (.*?)\r?$/m.exec(stderr)?.[1]

const nobody = (asked: string, { decisions }: Visit): string =>
  `no access to ${asked}, or no such route (decision ${decisions[0]?.decision_id})`

/** How to sign in was shown once; here it is what comes after that counts. */
const afterSignIn = (stderr: string): string => stderr.slice(Math.max(0, stderr.indexOf('regate: ')))
