import { regate } from '../gateway.ts'
import { openSession, soon } from '../live-session.ts'
import { run } from '../process.ts'
import { sessionRecord } from '../session-record.ts'
import type { Stage } from '../stage.ts'
import { shapeOf, visit } from '../visit.ts'
import type { Step } from '../walk.ts'

export const revoked = (stage: Stage): Step => ({
  title: 'An operator revokes a login: what rests on it ends at once',
  async run(page) {
    await using session = await openSession({ as: 'alice', to: 'db1' }, stage, page)
    const [admitted] = await stage.decisions.news()
    const id = admitted?.labels.session_id ?? ''
    const { login_id: login = '' } = await sessionRecord(id, () => true, stage.api, stage.signal)
    const words = ['logins', 'revoke', login, '--url', stage.gateway.url, '--token-file', 'operator_token']
    page.command(['regate', ...words])
    const typedAt = performance.now()
    let cutAt = Number.POSITIVE_INFINITY
    session.program.ended.addEventListener('abort', () => (cutAt = performance.now()))
    const { code, stderr } = await run(regate, words, { cwd: stage.folder.path, signal: stage.signal })
    const revokedAt = performance.now()
    page.output(stderr)
    const told = await session.journal.line(/your login was revoked/, AbortSignal.any([stage.signal, soon()]))
    await session.program.over(AbortSignal.any([stage.signal, soon()]))
    page.note(`${Math.round(cutAt - typedAt)} ms after that was typed, Alice's ssh has ended:`)
    page.output(told)
    const { end } = await sessionRecord(id, ({ state }) => state === 'ended', stage.api, stage.signal)
    const back = await visit({ as: 'alice', to: 'db1', command: 'echo back', signIn: 'alice' }, stage, page)
    page.output(back.stdout)
    page.note('She had to sign in again, which the tour has done as alice.')
    return {
      decidedBy: 'the operator, by a token of the group operate (data.system.authz.allow)',
      checks: [
        { what: 'exit code', found: code, expected: 0 },
        { what: 'ssh was cut long before its certificate ended', found: cutAt - revokedAt < 30_000, expected: true },
        {
          what: 'how ssh ended',
          found: session.program.ended.reason.message,
          expected: /^ssh ended \(exit code 255\)/,
        },
        { what: 'what ssh says', found: told, expected: /your login was revoked: sign in again \(LOGIN_REVOKED\)/ },
        { what: 'the end in the log', found: end?.code, expected: 'LOGIN_REVOKED' },
        { what: 'first decision', found: shapeOf(admitted), expected: allowed },
        { what: 'a code was shown', found: /^ {2}Code {3}\S+$/m.test(back.stderr), expected: true },
        { what: 'standard output', found: back.stdout, expected: /^back$/m },
        { what: 'decisions since', found: back.decisions.map(shapeOf), expected: [allowed] },
      ],
    }
  },
})

const allowed = { outcome: 'allow', code: undefined, username: 'alice', route: 'db1' }
