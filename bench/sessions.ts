import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ClientChannel } from 'ssh2'
import { Client } from '../src/ssh/ssh2.ts'

/** How to log in to the gateway. */
export interface Access {
  readonly port: number
  readonly username: string
  readonly privateKey: string
  /** In its wire form. */
  readonly hostKey: Buffer
}

/** Logins at once. */
const atOnce = 8

export interface LiveSessions extends AsyncDisposable {
  /** How many of them are live no more. */
  readonly ended: number
  /** By `performance.now`, of each that has ended, when its client saw it. */
  readonly ends: readonly number[]
  /** Resolves when all have. */
  readonly allEnded: Promise<void>
}

/** Opens sessions, each with a program that runs at the target: many connections of this one process. */
export const openSessions = (access: Access, sessions: number, signal: AbortSignal): Promise<LiveSessions> =>
  openMany((onEnd) => openSession(access, onEnd), sessions, signal)

/** The same by the stock ssh: a process for each. */
export const openStockSessions = (config: string, sessions: number, signal: AbortSignal): Promise<LiveSessions> =>
  openMany((onEnd) => openStockSession(config, onEnd), sessions, signal)

/** Called when a session is over, with the instant at which its client heard of it. */
type OnEnd = (at: number) => void

async function openMany(
  open: (onEnd: OnEnd) => Promise<AsyncDisposable>,
  sessions: number,
  signal: AbortSignal,
): Promise<LiveSessions> {
  await using opened = new AsyncDisposableStack()
  let left = sessions
  const ends: number[] = []
  const { promise: allEnded, resolve } = Promise.withResolvers<void>()
  const ended = (at: number): void => {
    if (ends.push(at) === sessions) resolve()
  }
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      signal.throwIfAborted()
      opened.use(await open(ended))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  const life = opened.move()
  return {
    get ended() {
      return ends.length
    },
    ends,
    allEnded,
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

/** Its program is `cat`, which has answered once, and ends by itself when the connection does. */
export async function openSession(access: Access, onEnd: OnEnd): Promise<AsyncDisposable> {
  const { port, username, privateKey, hostKey } = access
  const client = new Client()
  const closed = Promise.withResolvers<void>()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  let why = 'it was closed'
  let heard: number | undefined
  client
    .on('error', (fault) => (why = fault.message))
    .on('close', () => {
      onEnd(heard ?? performance.now())
      closed.resolve()
      lost.reject(new Error(`a session did not begin: ${why}`))
    })
    .connect({
      host: '127.0.0.1',
      port,
      username,
      privateKey,
      readyTimeout: 60_000,
      hostVerifier: (shown: Buffer) => shown.equals(hostKey),
    })
  await Promise.race([answer(client), lost.promise])
  onlyListen(client, (at) => {
    heard = at
  })
  return {
    async [Symbol.asyncDispose]() {
      client.end()
      await closed.promise
    },
  }
}

/**
 * From here on what comes is not looked into: nothing does but the gateway's last words, and reading those of hundreds at
 * once would take this process longer than the gateway took to say them.
 */
function onlyListen(client: InstanceType<typeof Client>, heard: OnEnd): void {
  const { _sock: socket } = client as unknown as { readonly _sock: Socket }
  socket.removeAllListeners('data')
  socket.on('data', () => heard(performance.now()))
}

async function answer(client: InstanceType<typeof Client>): Promise<void> {
  await once(client, 'ready')
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>()
  client.exec('cat', (fault, channel) => (fault === undefined ? resolve(channel) : reject(fault)))
  const channel = await promise
  const answered = once(channel, 'data')
  channel.write('here\n')
  await answered
}

async function openStockSession(config: string, onEnd: OnEnd): Promise<AsyncDisposable> {
  const ssh = spawn('ssh', ['-F', config, 'gateway', 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  ssh.stdin.on('error', () => {})
  const exited = once(ssh, 'exit').then(() => onEnd(performance.now()))
  const lost = exited.then(() => Promise.reject(new Error(`a session did not begin: ssh ended with ${ssh.exitCode}`)))
  lost.catch(() => {})
  ssh.stdin.write('here\n')
  await Promise.race([once(ssh.stdout, 'data'), lost])
  ssh.stdout.resume()
  return {
    async [Symbol.asyncDispose]() {
      ssh.kill()
      await exited
    },
  }
}
