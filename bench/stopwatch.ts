import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** On stderr, from a remote command that has begun its work. */
export const go = 'bench:go'

export interface Timed {
  readonly milliseconds: number
  /** On stderr. */
  readonly said: string
}

/** A program under way. */
export interface Underway {
  /** Resolves when it says `go`; rejects when it ends before. */
  readonly going: Promise<void>
  /** From its start, or from the moment that it says `go`, to its end. Rejects when it fails. */
  readonly timed: Promise<Timed>
  stop(): void
}

/** Starts a program and times it. Its other output goes nowhere. */
export function begin(
  command: string,
  args: readonly string[],
  from: 'start' | typeof go,
  signal: AbortSignal,
): Underway {
  let begun = performance.now()
  let said = ''
  const isGoing = Promise.withResolvers<void>()
  isGoing.promise.catch(() => {})
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const wasGoing = said.includes(go)
    said += text
    if (wasGoing || !said.includes(go)) return
    if (from === go) begun = performance.now()
    isGoing.resolve()
  })
  let passed = 0
  const exited = once(child, 'exit').then(() => (passed = performance.now() - begun))
  const timed = (async (): Promise<Timed> => {
    await Promise.all([exited, once(child, 'close')]) // the streams as well: ssh -J is two processes
    if (child.exitCode === 0 && (from === 'start' || said.includes(go))) return { milliseconds: passed, said }
    throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${said}`)
  })()
  timed.catch(isGoing.reject)
  return { going: isGoing.promise, timed, stop: () => void child.kill() }
}

/** The same, to its end. */
export const timed = (
  command: string,
  args: readonly string[],
  from: 'start' | typeof go,
  signal: AbortSignal,
): Promise<Timed> => begin(command, args, from, signal).timed
