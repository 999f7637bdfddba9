import { aligned } from '../../src/model/lines.ts'
import { type DecisionEvent, readEvents } from '../decisions.ts'
import { run } from '../process.ts'
import type { Stage } from '../stage.ts'
import { reasonOf } from '../visit.ts'
import type { Step } from '../walk.ts'

export const decisionLog = (stage: Stage): Step => ({
  title: 'Every decision of this tour, out of the log',
  async run(page) {
    const words = ['-sS', '-H', '@token', stage.decisions.url]
    page.command(['curl', ...words])
    const { code, stdout, stderr } = await run('curl', words, { cwd: stage.folder.path, signal: stage.signal })
    page.output(stderr)
    const events = readEvents(stdout).toReversed()
    page.output(table(events))
    return {
      decidedBy: 'data.system.authz.allow: the token is of the group read',
      checks: [
        { what: 'exit code', found: code, expected: 0 },
        {
          what: 'decisions in the log',
          found: events.map(({ decision_id }) => decision_id),
          expected: stage.decisions.ids,
        },
      ],
    }
  },
})

function table(events: readonly DecisionEvent[]): string {
  const rows = events.map((event) => [
    event.timestamp.slice(11, 19),
    event.input.identity?.username ?? '-',
    event.input.target.route,
    event.mapped_result.outcome,
    event.mapped_result.code ?? '-',
    event.result?.reasons?.[0]?.code ?? reasonOf(event),
    event.labels.session_id.slice(0, 8),
  ])
  return aligned([['time', 'user', 'route', 'outcome', 'code', 'grant or reason', 'session'], ...rows])
}

export const authority = (stage: Stage): Step => ({
  title: 'All that a host needs: the key that signs the certificates',
  async run(page) {
    const words = ['-sS', `${stage.gateway.url}/ca.pub`]
    page.command(['curl', ...words])
    const { code, stdout, stderr } = await run('curl', words, { cwd: stage.folder.path, signal: stage.signal })
    page.output(stderr + stdout)
    page.note('That goes into /etc/ssh/regate_ca.pub, and this line into /etc/ssh/sshd_config:')
    page.output('TrustedUserCAKeys /etc/ssh/regate_ca.pub')
    const key = (line: string): string => line.split(' ').slice(0, 2).join(' ')
    return {
      decidedBy: 'no policy: it is open to everyone, as it is a public key',
      checks: [
        { what: 'exit code', found: code, expected: 0 },
        { what: 'the key', found: key(stdout), expected: key(stage.folder.read('user_ca.pub')) },
      ],
    }
  },
})
