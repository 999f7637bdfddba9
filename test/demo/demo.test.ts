import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { run, start } from '../support/process.ts'
import { until } from '../support/workers.ts'

/** The demo as `make demo` runs it, but without a terminal. */
const main = join(import.meta.dirname, '..', '..', 'demo', 'main.ts')
// As the other tests have it: the demo would remove it again, and others may run beside this.
before(() => {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
})

const plain = { NO_COLOR: '1', FORCE_COLOR: undefined }

/** The tour takes some fifteen seconds; a machine that has much else to do takes some times as long. */
const timeout = 300_000

test('the tour goes as it must, and leaves nothing behind', { timeout }, async () => {
  const done = await run(process.execPath, [main], { env: plain, seconds: 240 })
  assert.deepEqual([done.code, done.stderr], [0, ''], done.stdout)
  const steps = done.stdout.split(/^(?= ?\d+ {2}\S)/m).slice(1)
  assert.equal(steps.length, 18)
  for (const step of steps) assert.match(step, /^ {4}\$ .*^ {4}decided by: \S.*^ {4}ok$/ms)
  assert.match(done.stdout, /^18 of 18 steps as expected, in \d+\.\d s$/m)
  assert.ok(!done.stdout.includes('\x1b'), 'colours without a terminal')
  assert.deepEqual(
    done.stdout.split('\n').filter((line) => line.length > 100),
    [],
  )
  await assertNothingLeft(done.stdout)
})

test('on a terminal it stays up, with commands that work as they are printed, until Ctrl-C', { timeout }, async () => {
  // exec: the shell that `script` starts would hear Ctrl-C as well, and end by it.
  const terminal = { CI: undefined, TERM: 'xterm', SHELL: '/bin/sh' }
  await using demo = start('script', ['-qec', `exec '${process.execPath}' '${main}'`, '/dev/null'], {
    ...plain,
    ...terminal,
  })
  await demo.line(/Ctrl-C ends it/, 240)
  const output = demo.lines.map((line) => line.replace(/\r$/, '')).join('\n')
  const typed = (command: RegExp) => run('sh', ['-c', command.exec(output)?.[0] ?? assert.fail(output)])
  const decision = await typed(/^ {2}curl .*$/m)
  const { decisions } = JSON.parse(decision.stdout) as { decisions: unknown[] }
  assert.equal(decisions.length, 1)
  assert.match((await typed(/^ {2}ssh .*@billing@gate$/m)).stderr, /frozen: nobody is let in/)
  assert.match((await typed(/^ {2}\S+regate sessions list .*$/m)).stdout, /^began +user/)
  demo.child.stdin?.write('\x03')
  assert.equal(await demo.ended(), 0)
  await assertNothingLeft(output)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  test(`${signal} in the middle of the tour ends it, and leaves nothing behind`, { timeout }, async () => {
    await using demo = start(process.execPath, [main], plain)
    await demo.line(/^ {4}> exit/, 240) // a shell is open
    assert.equal(await demo.stop(signal), code)
    await assertNothingLeft(demo.lines.join('\n'))
  })

test('when nobody reads the output any more, it ends and leaves nothing behind', async () => {
  await using demo = start(process.execPath, [main], plain)
  await demo.line(/^ {4}ok/)
  demo.child.stdout?.destroy()
  assert.equal(await demo.ended(), 141)
  await assertNothingLeft(demo.lines.join('\n'))
})

test('a part that dies ends the demo, which says what it said last', async () => {
  await using demo = start(process.execPath, [main], plain)
  await demo.line(/^ 2 {2}/)
  const folder = folderIn(demo.lines.join('\n'))
  for (const pid of processesOf(folder))
    if (commandOf(pid).includes(`\0serve\0--config\0${folder}`)) process.kill(pid, 'SIGKILL')
  assert.equal(await demo.ended(), 1)
  await demo.line(/regate ended \(SIGKILL\)/)
  await demo.line(/"msg":"ready"/)
  await assertNothingLeft(demo.lines.join('\n'))
})

const folderIn = (output: string): string => /^ {4}folder {5}(\S+), /m.exec(output)?.[1] ?? assert.fail(output)

/** No folder, no process, and nobody listens on a port that it named. */
async function assertNothingLeft(output: string): Promise<void> {
  const folder = folderIn(output)
  assert.ok(!existsSync(folder), `${folder} is there`)
  // A gateway that is killed has workers, which end as soon as they see it.
  const left = await until(
    () => processesOf(folder),
    ({ length }) => length === 0,
  )
  assert.deepEqual(left.map(commandOf), [])
  const ports = new Set([...output.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port)))
  assert.ok(ports.size >= 5, 'gateway and API, two hosts, identity provider')
  for (const port of ports) if (port !== postgres) assert.ok(!(await answers(port)), `somebody listens on ${port}`)
}

/** What the tour would forward to: there may be one. */
const postgres = 5432

/** Processes that run in the folder, have it in their command, or in what they were started with. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const facts = [commandOf(pid), read(() => readFileSync(`/proc/${pid}/environ`, 'latin1'))]
      return [...facts, read(() => readlinkSync(`/proc/${pid}/cwd`))].some((fact) => fact.includes(folder))
    })
}

const commandOf = (pid: number): string => read(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1'))

/** Empty for a process that has ended. */
function read(fact: () => string): string {
  try {
    return fact()
  } catch {
    return ''
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
  })
}
