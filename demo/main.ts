import { once } from 'node:events'
import { byHand } from './by-hand.ts'
import { Interrupted, interruption } from './interrupt.ts'
import { makePage, type Page } from './page.ts'
import { accounts } from './people.ts'
import { requirePrograms } from './programs.ts'
import { type Stage, setUp } from './stage.ts'
import { tour } from './tour.ts'
import { exitCodeOf, type Result, walk } from './walk.ts'

/*
 * `make demo`: identity provider, gateway and two hosts, all real and all on 127.0.0.1; then a tour of ssh calls, each with
 * what is tried, what happens and what decides it. On a terminal everything stays up afterwards, to go on by hand.
 */
process.exit(await demo(interruption()))

/** The exit code: 1 when any step went otherwise than it must. */
async function demo(interrupt: AbortSignal): Promise<number> {
  const began = performance.now()
  const page = makePage((text) => process.stdout.write(text), process.stdout.columns)
  try {
    requirePrograms()
    await using stage = await setUp(interrupt)
    introduce(stage, page)
    const results = await walk(tour(stage), page, stage.signal)
    conclude(results, (performance.now() - began) / 1000, stage, page)
    if (process.stdin.isTTY && process.stdout.isTTY && !process.env.CI) await stayUp(stage, page)
    return exitCodeOf(results)
  } catch (fault) {
    if (interrupt.reason instanceof Interrupted) return interrupt.reason.exitCode
    console.error(fault instanceof Error ? fault.message : fault)
    return 1
  }
}

function introduce({ folder, gateway, issuer, targets, application, login }: Stage, page: Page): void {
  const people = Object.entries(accounts).map(([name, { groups }]) => `${name} (${groups.join(', ') || 'no group'})`)
  const hosts = Object.values(targets).map(({ name, port }) => `${name} at 127.0.0.1:${port}`)
  page.heading('Regate: a tour')
  page.note(`gateway    ssh 127.0.0.1:${gateway.sshPort}, http ${gateway.url}`)
  page.note(`hosts      ${hosts.join(', ')}: sshd, with the account ${login}`)
  page.note(`app        ${application.address}, for developers to forward to`)
  page.note(`sign-in    ${issuer.url}, for ${people.join(', ')}`)
  page.note(`folder     ${folder.path}, where the commands are run`)
}

function conclude(results: readonly Result[], seconds: number, { journals }: Stage, page: Page): void {
  const differing = results.filter(({ differences }) => differences.length > 0)
  const count = `${results.length - differing.length} of ${results.length} steps as expected`
  page.heading(`${count}, in ${seconds.toFixed(1)} s`)
  if (differing.length === 0) return
  for (const { title } of differing) page.note(`DIFFERS: ${title}`)
  for (const [name, { lines }] of Object.entries(journals)) {
    page.heading(`The last that ${name} has said`)
    page.output(lines.slice(-25).join('\n'))
  }
}

/** Until somebody ends it, or a part of it ends by itself. */
async function stayUp(stage: Stage, page: Page): Promise<void> {
  page.heading('To go on by hand, in another terminal')
  process.stdout.write(`\n${byHand(stage)}\n`)
  page.note(`All of it is in ${stage.folder.path}. Ctrl-C ends it and removes everything.`)
  if (!stage.signal.aborted) await once(stage.signal, 'abort')
  if (!(stage.signal.reason instanceof Interrupted)) throw stage.signal.reason
}
