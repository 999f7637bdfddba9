import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { ClientChannel } from 'ssh2'
import { Client } from '../src/ssh/ssh2.ts'

export interface MemoryFigures {
  /** Bytes of the gateway's process before the sessions, and for each of them. */
  readonly base: number
  readonly perSession: number
}

/** How to log in to the gateway. */
export interface Access {
  readonly port: number
  readonly username: string
  readonly privateKey: string
  /** In its wire form. */
  readonly hostKey: Buffer
}

/** Sessions that come and go before the first look, so that what only the first ones cost is not counted. */
const warmUp = 20
/** Logins at once. */
const atOnce = 8

/** Opens sessions, each with a program that runs at the target, and looks at what the gateway's process has grown by. */
export async function measureMemory(
  process: number,
  access: Access,
  sessions: number,
  signal: AbortSignal,
): Promise<MemoryFigures> {
  {
    await using _first = await openSessions(access, warmUp, signal)
  }
  const base = await settledMemory(process, signal)
  await using live = await openSessions(access, sessions, signal)
  const grown = (await settledMemory(process, signal)) - base
  if (live.ended > 0) throw new Error(`${live.ended} of ${sessions} sessions ended before they were measured`)
  return { base, perSession: grown / sessions }
}

interface LiveSessions extends AsyncDisposable {
  /** How many of them are live no more. */
  readonly ended: number
}

async function openSessions(access: Access, sessions: number, signal: AbortSignal): Promise<LiveSessions> {
  await using opened = new AsyncDisposableStack()
  let left = sessions
  let ended = 0
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      signal.throwIfAborted()
      opened.use(await openSession(access, () => ended++))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  const life = opened.move()
  return {
    get ended() {
      return ended
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

/** Its program is `cat`, which has answered once, and ends by itself when the connection does. */
async function openSession(access: Access, onEnd: () => void): Promise<AsyncDisposable> {
  const { port, username, privateKey, hostKey } = access
  const client = new Client()
  const closed = Promise.withResolvers<void>()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  let why = 'it was closed'
  client
    .on('error', (fault) => (why = fault.message))
    .on('close', () => {
      onEnd()
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
  return {
    async [Symbol.asyncDispose]() {
      client.end()
      await closed.promise
    },
  }
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

const lookEvery = 250
/** Milliseconds. */
const settledFor = 2_000
const patience = 30_000

/** Bytes in memory once they hardly change: within a hundredth for two seconds. */
async function settledMemory(process: number, signal: AbortSignal): Promise<number> {
  const looks: number[] = []
  for (let waited = 0; waited < patience; waited += lookEvery) {
    looks.push(residentBytes(process))
    const last = looks.slice(-settledFor / lookEvery)
    const [least, most] = [Math.min(...last), Math.max(...last)]
    if (last.length === settledFor / lookEvery && most - least < most / 100) return last.at(-1) ?? most
    await wait(lookEvery, undefined, { signal })
  }
  throw new Error(`the memory of process ${process} did not settle`)
}

/** `VmRSS` of proc(5), which is in KiB. */
function residentBytes(process: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error(`process ${process} is gone`)
  return Number(kib) * 1_024
}
