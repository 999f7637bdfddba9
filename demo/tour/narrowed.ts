import { aligned } from '../../src/model/lines.ts'
import { applicationSays } from '../application.ts'
import type { DecisionEvent } from '../decisions.ts'
import { freePort } from '../free-port.ts'
import { Journal } from '../journal.ts'
import { type LiveSession, openSession, soon } from '../live-session.ts'
import type { Page } from '../page.ts'
import { start } from '../process.ts'
import { type SessionRecord, sessionRecord } from '../session-record.ts'
import type { Stage } from '../stage.ts'
import { shapeOf } from '../visit.ts'
import type { Step } from '../walk.ts'

export const narrowed = (stage: Stage): Step => ({
  title: 'Alice is connected while the policy changes: her forward is closed, her shell goes on',
  async run(page) {
    const port = await freePort()
    const forward = ['-L', `127.0.0.1:${port}:${stage.application.address}`]
    try {
      await using session = await openSession({ as: 'alice', to: 'staging', options: forward }, stage, page)
      await using reader = await readAlong(port, session, stage, page)
      const [admitted] = await stage.decisions.news()
      const editedAt = await edit(stage, page)
      await reader.program.over(AbortSignal.any([stage.signal, soon()]))
      const record = await sessionRecord(idOf(admitted), wasNarrowed, stage.api, stage.signal)
      const closed = record.events.find(wasOpen)
      const milliseconds = Date.parse(closed?.timestamp ?? '') - editedAt
      page.note(`${milliseconds} ms later the gateway has closed it, and curl ends; so the session itself says:`)
      page.output(`${closed?.kind} ${closed?.what}: ${closed?.field}`)
      await session.ask('echo still here', /^still here$/)
      const [renewed, ...more] = await stage.decisions.news()
      page.note('The decision log has both answers, joined by the session:')
      page.output(both([admitted, renewed]))
      return {
        decidedBy: `${closed?.field}, which the certificate of the second decision lacks`,
        checks: [
          { what: 'the field', found: closed?.field, expected: 'permit-port-forwarding' },
          {
            what: 'before anything would have ended it',
            found: milliseconds >= 0 && milliseconds < 30_000,
            expected: true,
          },
          { what: 'the session', found: record.state, expected: 'live' },
          { what: 'first decision', found: shapeOf(admitted), expected: allowed },
          { what: 'second decision', found: shapeOf(renewed), expected: allowed },
          { what: 'its session', found: renewed?.labels.session_id, expected: admitted?.labels.session_id },
          { what: 'which was live', found: renewed?.input.session?.renewals, expected: 0 },
          { what: 'more decisions', found: more.length, expected: 0 },
        ],
      }
    } finally {
      await restore(stage)
    }
  },
})

const allowed = { outcome: 'allow', code: undefined, username: 'alice', route: 'staging' }

/** Something comes through the forward, and the connection stays open. */
async function readAlong(port: number, session: LiveSession, stage: Stage, page: Page) {
  const words = ['-sSN', `http://127.0.0.1:${port}/`]
  page.command(['curl', ...words], 'background')
  await using undo = new AsyncDisposableStack()
  const journal = undo.use(new Journal(stage.folder.at('curl.log')))
  const program = start('curl', words, stage.folder.path, journal)
  undo.defer(() => program.stop())
  const within = AbortSignal.any([stage.signal, session.program.ended, program.ended, soon()])
  page.output(await journal.line(new RegExp(`^${applicationSays}$`), within))
  const life = undo.move()
  return { program, [Symbol.asyncDispose]: () => life.disposeAsync() }
}

/** Takes the forward out of the data; answers when, in milliseconds since 1970. */
async function edit(stage: Stage, page: Page): Promise<number> {
  page.note(
    `Somebody edits policies/data/access/data.json: "forwards": ["${stage.application.address}"] becomes []. ` +
      'The new bundle takes the place of the old one, and the gateway sees that by itself.',
  )
  return await stage.gateway.bundle.edit((access) => ({ ...access, forwards: [] }))
}

/** What it was, and in force: what comes next is decided as before. */
async function restore({ gateway, signal }: Stage): Promise<void> {
  const from = gateway.journal.lines.length
  await gateway.bundle.edit((access) => access)
  await gateway.journal.line(/"msg":"another bundle is in force"/, AbortSignal.any([signal, soon()]), from)
}

type Event = SessionRecord['events'][number]
const wasOpen = ({ kind, what = '' }: Event): boolean => kind === 'refused' && what.includes('that was open')
const wasNarrowed = ({ events }: SessionRecord): boolean => events.some(wasOpen)

function idOf(event: DecisionEvent | undefined): string {
  if (event === undefined) throw new Error('there is no decision')
  return event.labels.session_id
}

function both(events: readonly (DecisionEvent | undefined)[]): string {
  const rows = events.map((event) => [
    event?.decision_id ?? '-',
    event?.labels.session_id.slice(0, 8) ?? '-',
    event?.input.session === undefined ? 'admitted' : 'asked again',
    JSON.stringify(event?.mapped_result.certificate?.extensions['permit-open@regate'] ?? '-').replaceAll('"', ''),
  ])
  return aligned([['decision', 'session', 'why', 'permit-open@regate'], ...rows])
}
