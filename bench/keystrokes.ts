import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { quantileOf } from './statistics.ts'
import { begin, go } from './stopwatch.ts'
import { type ByWay, collect, eachWay, type Way } from './ways.ts'

export interface Keys {
  /** Of one way in one round. */
  readonly keys: number
  readonly rounds: number
}
/** Milliseconds. */
export interface Echo {
  readonly p50: ByWay
  readonly p99: ByWay
}

/** Milliseconds between an echo and the next key. */
const pause = 5

/**
 * Milliseconds from a key to its echo: `cat` on a pty at the target, by the stock ssh. With `bulk` another session of
 * the same way moves data to its client meanwhile, as fast as it can.
 */
export async function measureKeystrokes(
  config: string,
  { keys, rounds }: Keys,
  bulk: boolean,
  signal: AbortSignal,
): Promise<Echo> {
  await using open = new AsyncDisposableStack()
  const terminals: ByWay<Terminal> = {
    direct: open.use(await Terminal.open(config, 'direct', signal)),
    gateway: open.use(await Terminal.open(config, 'gateway', signal)),
    jump: open.use(await Terminal.open(config, 'jump', signal)),
  }
  const all = await collect({ warmUp: 1, rounds }, async (way) => {
    await using _bulk = bulk ? await startBulk(config, way, signal) : undefined
    const times: number[] = []
    for (let key = 0; key < keys; key++) {
      await wait(pause, undefined, { signal })
      times.push(await terminals[way].key())
    }
    return times
  })
  return { p50: eachWay(all, (of) => quantileOf(of, 0.5)), p99: eachWay(all, (of) => quantileOf(of, 0.99)) }
}

async function startBulk(config: string, way: Way, signal: AbortSignal): Promise<AsyncDisposable> {
  const { going, timed, stop } = begin('ssh', ['-F', config, way, `echo ${go} >&2; cat /dev/zero`], go, signal)
  await going
  return {
    async [Symbol.asyncDispose]() {
      stop()
      await timed.catch(() => {}) // it is ended by us
    },
  }
}

/** An ssh with a pty at the target, where each byte comes back from `cat`. */
export class Terminal implements AsyncDisposable {
  readonly #ssh: ChildProcessByStdio<Writable, Readable, null>
  #heard: (text: string) => void = () => {}

  private constructor(ssh: ChildProcessByStdio<Writable, Readable, null>) {
    this.#ssh = ssh
    ssh.on('error', () => {}).stdin.on('error', () => {}) // its end is what counts
    ssh.stdout.setEncoding('latin1').on('data', (text: string) => this.#heard(text))
  }

  static async open(config: string, way: string, signal: AbortSignal, args: readonly string[] = []): Promise<Terminal> {
    const remote = `stty raw -echo; echo ${go}; exec cat`
    const ssh = spawn('ssh', ['-q', '-tt', '-F', config, ...args, way, remote], {
      stdio: ['pipe', 'pipe', 'ignore'],
      signal,
    })
    const terminal = new Terminal(ssh)
    let said = ''
    await terminal.#until((text) => {
      said += text
      return said.includes(`${go}\n`)
    })
    return terminal
  }

  /** Milliseconds until one byte has come back. Rejects when the connection ends. */
  async key(): Promise<number> {
    const typed = performance.now()
    const echoed = this.#until((text) => text === 'x')
    this.#ssh.stdin.write('x')
    await echoed
    return performance.now() - typed
  }

  #until(isThere: (text: string) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the terminal's ssh ended with ${this.#ssh.exitCode}`))
      if (this.#ssh.exitCode !== null || this.#ssh.signalCode !== null) ended()
      this.#ssh.once('exit', ended)
      this.#heard = (text) => {
        if (!isThere(text)) return
        this.#ssh.off('exit', ended)
        resolve()
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ssh.exitCode !== null || this.#ssh.signalCode !== null) return
    this.#ssh.kill()
    await once(this.#ssh, 'exit')
  }
}
