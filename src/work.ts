import type { Socket } from 'node:net'
import { isMeant } from './gateway/everywhere.ts'
import { commonLimits } from './limits.ts'
import { createLog } from './logging.ts'
import { GatewayError } from './model/errors.ts'
import type { Milliseconds } from './model/units.ts'
import { type Running, readWithTraces, startGateway } from './start-gateway.ts'
import { amongOthers, type Surroundings } from './surroundings.ts'
import { Channel } from './workers/channel.ts'
import {
  type Door,
  type Hello,
  protocolVersion,
  type SupervisorAsks,
  type SupervisorSays,
  type WorkerAsks,
  type WorkerSays,
} from './workers/protocol.ts'
import type { ToSupervisor } from './workers/remote.ts'

/** Works for the supervisor that started this process, until it says otherwise. Rejects when it cannot begin. */
export async function work(file: string, which: Pick<Surroundings, 'run' | 'worker' | 'gone'>): Promise<void> {
  let running: Running | undefined
  const supervisor: ToSupervisor = new Channel<WorkerAsks, WorkerSays, SupervisorAsks, SupervisorSays>(
    { send: (message, socket, sent) => void process.send?.(message, socket, {}, sent) },
    {
      asked: {
        end: ({ why, whose }) =>
          running?.gateway.sessions.end(new GatewayError(why.code, why.message), isMeant(whose)) ?? 0,
        list: () => running?.gateway.sessions.list() ?? [],
        of: (person) => running?.gateway.sessions.of(person) ?? [],
        metrics: () => running?.gateway.metrics.told() ?? [],
      },
      said: {
        connection: (door, socket) => take(door, socket),
        reload: () => running?.reloading.now(),
        decided: () => running?.gateway.decidedElsewhere(),
        drain: () => void drain(),
        stop: ({ now }) => void stop(now),
      },
    },
  )
  process.on('message', (message, socket) => supervisor.hear(message, socket as Socket | undefined))
  const read = readWithTraces(file)
  const { config } = read
  supervisor.say('hello', {
    protocol: protocolVersion,
    workers: config.workers,
    listen: { ssh: config.gateway.listen, http: config.http.listen },
    limits: commonLimits(config.limits),
    shutdownGrace: config.gateway.shutdownGrace,
  } satisfies Hello)
  const closed = tellClosed(supervisor)
  const log = createLog(config, { worker: which.worker })
  running = await startGateway(read, amongOthers(supervisor, which), log, {
    reconfigured: ({ limits }) => supervisor.say('limits', commonLimits(limits)),
    repolicied: () => supervisor.say('policy', { hasPolicy: true }),
  })
  supervisor.say('ready', { hasPolicy: running.gateway.hasPolicy })

  function take(door: Door, socket: Socket | undefined): void {
    if (socket === undefined || running === undefined) return closed(door)
    socket.once('close', () => closed(door))
    running.gateway.take(door, socket)
  }

  async function drain(): Promise<void> {
    await running?.gateway.drain()
    running?.reloading[Symbol.dispose]()
    await running?.gateway.close(0 as Milliseconds)
    const counted = (await running?.gateway.metrics.told()) ?? []
    supervisor.say('drained', counted, undefined, () => process.exit(0))
  }

  async function stop(now: boolean): Promise<void> {
    running?.reloading[Symbol.dispose]()
    await running?.gateway.close(now ? (0 as Milliseconds) : config.gateway.shutdownGrace)
    process.exit(0)
  }
}

/** Connections that have ended are told of together, those of one turn of the event loop. */
function tellClosed(supervisor: ToSupervisor): (door: Door) => void {
  let counts: Record<Door, number> | undefined
  return (door) => {
    if (counts === undefined) {
      counts = { ssh: 0, http: 0 }
      setImmediate(() => {
        if (counts !== undefined) supervisor.say('closed', counts)
        counts = undefined
      })
    }
    counts[door]++
  }
}
