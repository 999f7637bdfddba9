import { freePort } from '../free-port.ts'
import { Journal } from '../journal.ts'
import { soon } from '../live-session.ts'
import type { Page } from '../page.ts'
import { run, start } from '../process.ts'
import type { Stage } from '../stage.ts'
import { terminalsFail } from '../terminals.ts'
import { type Call, expectDecision, reasonOf, sshWords, visit } from '../visit.ts'
import type { Step } from '../walk.ts'

// Alice is in the group developers: on what is labelled env=staging a shell, any command, file copies, and one forward.

export const firstLogin = (stage: Stage): Step => ({
  title: 'Alice, a developer, connects for the first time',
  async run(page) {
    const call: Call = { as: 'alice', to: 'staging', command: 'echo this is staging', signIn: 'alice' }
    const done = await visit(call, stage, page)
    page.output(done.stderr + done.stdout)
    page.note('The tour has opened that page, entered the code and signed in as alice.')
    return {
      decidedBy: `grant ${reasonOf(done.decisions[0])}; permit-exec@regate opened the command`,
      checks: [
        { what: 'exit code', found: done.code, expected: 0 },
        { what: 'standard output', found: done.stdout, expected: /^this is staging$/m },
        { what: 'the sign-in', found: done.stderr, expected: /^ {2}Open {3}http:\S+\n {2}Code {3}\S+\n/m },
        ...expectDecision(done, { outcome: 'allow', username: 'alice', route: 'staging' }),
      ],
    }
  },
})

export const secondLogin = (stage: Stage): Step => ({
  title: 'The same key again, to another host: no browser, and so ssh works in scripts',
  async run(page) {
    const call: Call = { as: 'alice', to: 'db1', options: ['-o', 'BatchMode=yes'], command: 'echo this is db1' }
    const done = await visit(call, stage, page)
    page.output(done.stderr + done.stdout)
    return {
      decidedBy: `grant ${reasonOf(done.decisions[0])}, asked anew, with the sign-in from before`,
      checks: [
        { what: 'exit code', found: done.code, expected: 0 },
        { what: 'standard output', found: done.stdout, expected: /^this is db1$/m },
        { what: 'a code was shown', found: done.stderr.includes('Code'), expected: false },
        ...expectDecision(done, { outcome: 'allow', username: 'alice', route: 'db1' }),
      ],
    }
  },
})

export const shell = (stage: Stage): Step => ({
  title: 'A shell',
  async run(page) {
    const without = terminalsFail()
    if (without !== undefined) page.note(`Without a terminal: ${without}.`)
    const options = [without === undefined ? '-tt' : '-T']
    const done = await visit({ as: 'alice', to: 'staging', options, input: 'tty\nexit 7\n' }, stage, page)
    const [terminal] = /^(\/dev\/(pts\/|tty)\w+|not a tty)\r?$/m.exec(done.stdout) ?? []
    // The rest is what the account's own shell says to whoever comes in.
    page.output(`${terminal?.trim() ?? done.stderr + done.stdout}\n`)
    page.note(`ssh ended with the shell's own exit code, ${done.code}.`)
    return {
      decidedBy: without === undefined ? 'permit-pty and permit-shell@regate' : 'permit-shell@regate',
      checks: [
        { what: 'exit code', found: done.code, expected: 7 },
        { what: 'the terminal', found: terminal, expected: without === undefined ? /^\/dev\// : /^not a tty/ },
        ...expectDecision(done, { outcome: 'allow', username: 'alice', route: 'staging' }),
      ],
    }
  },
})

export const refusedForward = (stage: Stage): Step => ({
  title: 'A port forward to the database: ssh listens, and the gateway opens nothing',
  async run(page) {
    const port = await freePort()
    const forward = ['-N', '-L', `127.0.0.1:${port}:127.0.0.1:5432`]
    const call: Call = { as: 'alice', to: 'staging', options: forward }
    using journal = new Journal(stage.folder.at('forward.log'))
    page.command(['ssh', ...sshWords(call, stage)], 'background')
    const ssh = start('ssh', sshWords(call, stage), stage.folder.path, journal)
    try {
      const knock = await knockWhenOpen(port, ssh.ended, stage, page)
      const within = AbortSignal.any([stage.signal, ssh.ended, soon()])
      const line = await journal.line(/open failed/, within)
      page.output(line)
      const decisions = await stage.decisions.news()
      return {
        decidedBy: `permit-open@regate, which names ${stage.application.address} alone`,
        checks: [
          { what: 'what came through the forward', found: knock, expected: '' },
          {
            what: 'what ssh says',
            found: line,
            expected: /: open failed: administratively prohibited: permit-open@regate/,
          },
          ...expectDecision({ decisions }, { outcome: 'allow', username: 'alice', route: 'staging' }),
        ],
      }
    } finally {
      await ssh.stop()
    }
  },
})

/** Asks through the forward as soon as ssh listens; answers what came back. */
async function knockWhenOpen(port: number, ended: AbortSignal, stage: Stage, page: Page): Promise<string> {
  const words = ['-s', `http://127.0.0.1:${port}/`]
  page.command(['curl', ...words])
  const signal = AbortSignal.any([stage.signal, ended, soon()])
  for (;;) {
    const { code, stdout } = await run('curl', words, { cwd: stage.folder.path, signal })
    if (code !== connectionRefused) return stdout
  }
}

/** Exit code of curl. */
const connectionRefused = 7
