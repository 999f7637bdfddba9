import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Journal } from './journal.ts'
import { family, signalTo } from './processes.ts'

/** A program that runs until it is stopped. */
export interface Program {
  /** Aborts when it has ended, with its last lines as the reason. */
  readonly ended: AbortSignal
  /** Types into it, when it was started with a pipe to its standard input. */
  type(text: string): void
  /** Resolves when it has ended by itself; rejects when `signal` aborts before. */
  over(signal: AbortSignal): Promise<void>
  /** Resolves once it and all that it had started are gone. */
  stop(): Promise<void>
}
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Each child leads a session of its own: it has no terminal to read from, and Ctrl-C is the demo's alone to act on. */
const apart = { detached: true } as const
/** What goes to 127.0.0.1 takes no proxy; and compiled code is not kept, so that nothing stays behind. */
const environment = { ...process.env, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', NODE_DISABLE_COMPILE_CACHE: '1' }
/** Milliseconds in which a program that is told to end does so. */
const patience = 3_000
/** Milliseconds in which one that serves is ready. */
export const startMost = 60_000

/** Children that still run when the process ends, however it ends. */
const live = new Set<ChildProcess>()
process.once('exit', () => {
  for (const { pid } of live) if (pid !== undefined) for (const each of family(pid)) signalTo(each, 'SIGKILL')
})

/** Starts a program that serves; the journal has what it says on either stream. */
export function start(
  command: string,
  args: readonly string[],
  cwd: string,
  journal: Journal,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Program {
  const child = spawn(command, args, { ...apart, cwd, env: environment, stdio: [stdin, 'pipe', 'pipe'] })
  live.add(child)
  child.stdin?.on('error', () => {}) // it may have ended
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => journal.add(line))
  const over = new AbortController()
  const end = (how: string): void => {
    live.delete(child)
    over.abort(new Error(`${command} ended (${how}):\n${journal.lines.slice(-20).join('\n')}`))
  }
  child.once('error', (error) => end(error.message))
  child.once('close', (code, signal) => end(code === null ? `${signal}` : `exit code ${code}`))
  return {
    ended: over.signal,
    type: (text) => void child.stdin?.write(text),
    over: (signal) => untilOver(over.signal, signal),
    stop: () => stop(child, over.signal),
  }
}

async function untilOver(ended: AbortSignal, signal: AbortSignal): Promise<void> {
  const any = AbortSignal.any([ended, signal])
  if (!any.aborted) await once(any, 'abort')
  if (!ended.aborted) throw signal.reason
}

/** The streams close when the last process that writes to them has ended, sshd's sessions among them. */
async function stop(child: ChildProcess, ended: AbortSignal): Promise<void> {
  const pids = ended.aborted || child.pid === undefined ? [] : family(child.pid)
  for (const pid of pids) signalTo(pid, 'SIGTERM')
  await within(patience, ended)
  for (const pid of pids) signalTo(pid, 'SIGKILL')
  await within(patience, ended)
}

async function within(milliseconds: number, ended: AbortSignal): Promise<void> {
  if (!ended.aborted) await once(AbortSignal.any([ended, AbortSignal.timeout(milliseconds)]), 'abort')
}

export interface RunOptions {
  readonly cwd: string
  readonly signal: AbortSignal
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  /** After which it is killed. */
  readonly seconds?: number
  /** Called with all of stderr so far, each time there is more. */
  readonly onStderr?: (text: string) => void
}

/** Runs a program to its end. One that takes too long has no exit code; rejects when `signal` aborts. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const { cwd, signal, input = '', env = {}, seconds = 60 } = options
  signal.throwIfAborted()
  const child = spawn(command, args, { ...apart, cwd, env: { ...environment, ...env }, stdio: 'pipe' })
  live.add(child)
  const kill = (): void => void child.kill('SIGKILL')
  const timer = setTimeout(kill, seconds * 1000)
  signal.addEventListener('abort', kill)
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text
    options.onStderr?.(said.stderr)
  })
  child.stdin.on('error', () => {}) // it may end without having read all
  child.stdin.end(input)
  try {
    await once(child, 'close')
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
    live.delete(child)
  }
  signal.throwIfAborted()
  return { code: child.exitCode, ...said }
}
