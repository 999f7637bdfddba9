import { existsSync } from 'node:fs'
import type { Stage } from '../stage.ts'
import { expectDecision, reasonOf, visit } from '../visit.ts'
import type { Step } from '../walk.ts'

// Bob is in the group contractors: on the same host he runs the commands that his certificate names, and nothing else.

/** Two that the policy names; the smallest systems have only the second. */
export const contractorsCommand = ['/usr/bin/uptime', '/bin/uptime'].some((path) => existsSync(path))
  ? 'uptime'
  : 'df -h'

const decision = { outcome: 'allow', username: 'bob', route: 'staging' } as const

export const allowedCommand = (stage: Stage): Step => ({
  title: 'Bob, a contractor, runs one of his commands on the same host',
  async run(page) {
    const done = await visit({ as: 'bob', to: 'staging', command: contractorsCommand, signIn: 'bob' }, stage, page)
    page.output(done.stdout)
    page.note('The tour has signed in as bob.')
    return {
      decidedBy: `grant ${reasonOf(done.decisions[0])}; permit-exec@regate names ${contractorsCommand}`,
      checks: [
        { what: 'exit code', found: done.code, expected: 0 },
        {
          what: 'standard output',
          found: done.stdout,
          expected: contractorsCommand === 'uptime' ? / up .*load average/ : /^Filesystem/m,
        },
        ...expectDecision(done, decision),
      ],
    }
  },
})

export const refusedShell = (stage: Stage): Step => ({
  title: 'Bob wants a shell',
  async run(page) {
    const done = await visit({ as: 'bob', to: 'staging', options: ['-T'], input: 'echo in' }, stage, page)
    page.output(done.stderr + done.stdout)
    return {
      decidedBy: 'permit-shell@regate, which the certificate lacks',
      checks: [
        { what: 'exit code', found: done.code, expected: 255 },
        { what: 'standard output', found: done.stdout, expected: '' },
        { what: 'what ssh says', found: done.stderr, expected: /regate: shell refused: .*permit-shell@regate/ },
        ...expectDecision(done, decision),
      ],
    }
  },
})

export const chainedCommand = (stage: Stage): Step => ({
  title: 'Bob hangs another command on his own',
  async run(page) {
    const done = await visit({ as: 'bob', to: 'staging', command: `${contractorsCommand}; id` }, stage, page)
    page.output(done.stderr + done.stdout)
    return {
      decidedBy: 'permit-exec@regate, whose patterns match whole commands, and nothing that a shell would take apart',
      checks: [
        { what: 'exit code', found: done.code, expected: 255 },
        { what: 'standard output', found: done.stdout, expected: '' },
        { what: 'what ssh says', found: done.stderr, expected: /regate: .* refused: permit-exec@regate/ },
        ...expectDecision(done, decision),
      ],
    }
  },
})
