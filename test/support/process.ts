import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

/** A program that runs until it is disposed of, and everything it has said. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  /** Resolves with the first line that matches, past or to come; rejects when the program ends before, or after `seconds`. */
  line(pattern: RegExp, seconds?: number): Promise<string>
  /** The exit code, once there is one and all that it said is in `lines`. */
  ended(): Promise<number | null>
  /** The same, after a signal; rejects after `waitMost`, and the program is killed. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Seconds until a wait has a name, and is over. Less than a test has: of that one would only hear that it took too long. */
const waitMost = 80
/**
 * Milliseconds for which the output of a program that has ended is still read. Its end is heard of apart from what it said last, and
 * may be first; and whom it has started may hold its output open for as long as they like.
 */
const lastWordsMost = 5_000

/** What `promise` comes to; rejects when that takes longer than `seconds`, with what was waited for and `more` about it. */
export async function within<Outcome>(
  what: string,
  promise: Promise<Outcome>,
  more = () => '',
  seconds = waitMost,
): Promise<Outcome> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what}: not within ${seconds} s\n${more()}`)), seconds * 1000)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  child.stdin.on('error', () => {}) // held open, so that a program that reads it waits
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      wake()
    })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve(Promise.race([closed, wait(lastWordsMost, undefined, { ref: false })]))),
  )
  let isOver = false
  void ended.then(() => {
    isOver = true
    wake()
  })
  const recently = (): string => lines.slice(-40).join('\n')
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((line) => pattern.test(line))
        if (found === undefined && !isOver) return
        waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`${command} ended before ${pattern}:\n${recently()}`))
      }
      waiting.add(look)
      look()
    })
  return {
    child,
    lines,
    line: (pattern, seconds) => within(`${command} says ${pattern}`, line(pattern), recently, seconds),
    async ended() {
      await ended
      return child.exitCode
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      try {
        return await within(`${command} ends by ${signal}`, this.ended(), recently)
      } finally {
        child.kill('SIGKILL')
      }
    },
    async [Symbol.asyncDispose]() {
      await this.stop('SIGKILL')
    },
  }
}

/** The line by which a program says that it is up. Where there is none it is ended, or it would keep the test waiting for it. */
export async function upBy(program: Running, pattern: RegExp): Promise<string> {
  try {
    return await program.line(pattern)
  } catch (fault) {
    await program.stop('SIGKILL')
    throw fault
  }
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end; one that takes longer than `seconds` is killed, and its `signal` says so. What it has started may live
 * on, and hold its output: of that no more is read then.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: {
    input?: string | Buffer
    env?: NodeJS.ProcessEnv
    cwd?: string
    seconds?: number
    /** Called with each line of stderr; what it throws is thrown at the end. */
    onLine?: (line: string) => Promise<void>
  } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => output[name].push(chunk))
  let fault: unknown
  createInterface({ input: child.stderr }).on('line', (line) => {
    options.onLine?.(line).catch((thrown: unknown) => (fault ??= thrown))
  })
  child.stdin.on('error', () => {}).end(options.input ?? '')
  const end = (): void => {
    child.kill('SIGKILL')
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const timer = setTimeout(end, (options.seconds ?? waitMost) * 1000)
  await once(child, 'close')
  clearTimeout(timer)
  if (fault !== undefined) throw fault
  const text = (name: 'stdout' | 'stderr'): string => Buffer.concat(output[name]).toString('utf8')
  return { code: child.exitCode, signal: child.signalCode, stdout: text('stdout'), stderr: text('stderr') }
}
