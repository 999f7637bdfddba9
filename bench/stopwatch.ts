import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** On stderr, from a remote command that has begun its work. */
export const go = 'bench:go'

/**
 * Milliseconds that a program takes, from its start or from the moment that it says `go`. Its other output goes nowhere.
 * Throws when it fails.
 */
export async function timed(
  command: string,
  args: readonly string[],
  from: 'start' | typeof go,
  signal: AbortSignal,
): Promise<number> {
  let begun = performance.now()
  let said = ''
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (from === go && !said.includes(go) && (said + text).includes(go)) begun = performance.now()
    said += text
  })
  let passed = 0
  const exited = once(child, 'exit').then(() => (passed = performance.now() - begun))
  await Promise.all([exited, once(child, 'close')]) // the streams as well: ssh -J is two processes
  if (child.exitCode === 0 && (from === 'start' || said.includes(go))) return passed
  throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${said}`)
}
