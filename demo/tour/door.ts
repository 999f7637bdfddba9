import type { Stage } from '../stage.ts'
import { expectDecision, reasonOf, visit } from '../visit.ts'
import type { Step } from '../walk.ts'

// Where the gateway is itself an end of a connection.

export const routes = (stage: Stage): Step => ({
  title: 'Alice asks the gateway itself where she may go (ssh gate alone shows a menu of it)',
  async run(page) {
    const done = await visit({ as: 'alice', command: 'routes' }, stage, page)
    page.output(done.stderr + done.stdout)
    return {
      decidedBy: 'the policy, asked for every route; the frozen one is not among them',
      checks: [
        { what: 'exit code', found: done.code, expected: 0 },
        { what: 'standard output', found: done.stdout, expected: `staging  ${stage.login}\ndb1      ${stage.login}\n` },
        { what: 'decisions in the log', found: done.decisions.length, expected: 0 },
      ],
    }
  },
})

export const jumped = (stage: Stage): Step => ({
  title: 'The gateway as a jump host: nothing passes it unseen, and one line of known_hosts serves for all hosts',
  async run(page) {
    const done = await visit({ as: 'alice', to: 'db1', jump: true, command: 'echo this is db1' }, stage, page)
    page.output(done.stderr + done.stdout)
    page.command(['cat', 'known_hosts'])
    page.output(stage.folder.read('known_hosts'))
    return {
      decidedBy: `grant ${reasonOf(done.decisions[0])}; input.connection.jump is true`,
      checks: [
        { what: 'exit code', found: done.code, expected: 0 },
        { what: 'standard output', found: done.stdout, expected: /^this is db1$/m },
        { what: 'by a jump', found: done.decisions[0]?.input.connection.jump, expected: true },
        ...expectDecision(done, { outcome: 'allow', username: 'alice', route: 'db1' }),
      ],
    }
  },
})
