import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Running, start } from './process.ts'
import { type GatewayProcess, token, type World } from './world.ts'

/** The processes of the workers that live, by their numbers (proc(5)). */
export function workersOf({ child }: GatewayProcess): Map<number, number> {
  const children = readProc(`${child.pid}/task/${child.pid}/children`).trim().split(' ')
  return new Map(
    children.flatMap((pid) => {
      const [, number] = /\/src\/worker\.ts\0[^\0]+\0[0-9a-f-]{36}\0(\d+)/.exec(readProc(`${pid}/cmdline`)) ?? []
      return number === undefined ? [] : [[Number(number), Number(pid)]]
    }),
  )
}

/** Empty for a process that is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

/** One that has ended, and that nobody has asked about, is not (proc(5), the third of `stat`). */
export const isAlive = (pid: number): boolean => /^\d+ \(.*\) [^ZX] /s.test(readProc(`${pid}/stat`))

/** Looks until it holds, for a minute; answers the last look. */
export async function until<T>(look: () => T | Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; ; await wait(50)) {
    const seen = await look()
    if (holds(seen) || Date.now() > end) return seen
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
}
/** By a connection of its own, which one worker takes. */
export const askAnew = ({ httpPort: port }: GatewayProcess, path: string, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const asking = request({ host: '127.0.0.1', port, path, method, agent: false, headers }, async (answer) => {
      const pieces: Buffer[] = []
      for await (const piece of answer) pieces.push(piece as Buffer)
      resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') })
    })
    asking.on('error', reject).end()
  })

/** A live session that says back what it is sent. */
export interface Session extends Running {
  readonly id: string
  readonly worker: number
  /** It still carries what is typed. */
  echo(word: string): Promise<boolean>
}

/** The ids of those that are live, whichever worker carries them. */
export async function liveIds(gateway: GatewayProcess): Promise<string[]> {
  const { sessions } = JSON.parse((await askAnew(gateway, '/v1/sessions')).text) as { sessions: { id: string }[] }
  return sessions.map(({ id }) => id)
}

/**
 * One for each of two workers. What went before may not be counted off yet, so that two who come after one another are carried by
 * the same: then a third one is not. Who is one too many is ended.
 */
export async function openOnEach(world: World, route: string): Promise<readonly [Session, Session] & AsyncDisposable> {
  const first = await openSession(world, route)
  const next = await openSession(world, route)
  if (next.worker !== first.worker) return both(first, next)
  const other = await openSession(world, route)
  await endOf(world, next)
  if (other.worker !== first.worker) return both(first, other)
  throw new Error(`three sessions, all at worker ${first.worker}`)
}

const both = (...sessions: readonly [Session, Session]) =>
  Object.assign(sessions, {
    [Symbol.asyncDispose]: async () => void (await Promise.all(sessions.map((one) => one[Symbol.asyncDispose]()))),
  })

/** Ends it at the client, and waits until the gateway has counted it off. */
async function endOf({ gateway }: World, session: Session): Promise<void> {
  await session.stop('SIGTERM')
  const isLive = async (): Promise<boolean> => (await liveIds(gateway)).includes(session.id)
  if (await until(isLive, (is) => !is)) throw new Error(`the session ${session.id} does not end`)
}

/** Begins while no other does: which one it is says the list, and the gateway's log which worker carries it. */
export async function openSession(world: World, route: string): Promise<Session> {
  const before = await liveIds(world.gateway)
  const ssh = start('ssh', ['-F', world.config, route, 'echo in; cat'])
  await ssh.line(/^in$/)
  const id = (await liveIds(world.gateway)).find((one) => !before.includes(one)) ?? 'none'
  const line = await world.gateway.line(new RegExp(`"session":"${id}".*"msg":"session began"`))
  const { worker } = JSON.parse(line) as { worker: number }
  return Object.assign(ssh, {
    id,
    worker,
    async echo(word: string) {
      ssh.child.stdin?.write(`${word}\n`)
      return (await until(() => ssh.lines.includes(word), Boolean)) === true
    },
  })
}

/** What the gateway says first to somebody at this address, who keeps the connection open. */
export function knockFrom(world: World, localAddress: string, first = ''): Promise<{ said: string } & Disposable> {
  const socket = connect({ host: '127.0.0.1', port: world.gateway.sshPort, localAddress })
  socket.on('error', () => {}).write(first)
  return new Promise((resolve) => {
    let said = ''
    const done = (): void => resolve({ said, [Symbol.dispose]: () => void socket.destroy() })
    socket.on('data', (piece: Buffer) => {
      said += piece.toString('latin1')
      if (said.includes('\n') && first === '') done()
    })
    socket.once('close', done)
  })
}
