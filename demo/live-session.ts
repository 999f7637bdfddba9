import { Journal } from './journal.ts'
import type { Page } from './page.ts'
import { type Program, start } from './process.ts'
import type { Stage } from './stage.ts'
import { type Call, sshWords } from './visit.ts'

/** Stock ssh with a shell, which goes on while the tour does other things. */
export interface LiveSession extends AsyncDisposable {
  readonly program: Program
  readonly journal: Journal
  /** Types a line into the shell, and waits for what it must answer. */
  ask(line: string, answer: RegExp): Promise<void>
}

export async function openSession(call: Call, stage: Stage, page: Page): Promise<LiveSession> {
  await using undo = new AsyncDisposableStack()
  const words = sshWords({ ...call, options: ['-T', ...(call.options ?? [])] }, stage)
  page.command(['ssh', ...words], 'background')
  const journal = undo.use(new Journal(stage.folder.at('live.log')))
  const program = start('ssh', words, stage.folder.path, journal, 'pipe')
  undo.defer(() => program.stop())
  const session = {
    program,
    journal,
    async ask(line: string, answer: RegExp) {
      page.typed(line)
      program.type(`${line}\n`)
      page.output(await journal.line(answer, AbortSignal.any([stage.signal, program.ended, soon()])))
    },
  }
  await session.ask('echo in', /^in$/)
  const life = undo.move()
  return { ...session, [Symbol.asyncDispose]: () => life.disposeAsync() }
}

/** The time in which something happens, or does not happen: also on a machine that has much to do. */
export const soon = (): AbortSignal => AbortSignal.timeout(60_000)
