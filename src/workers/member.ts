import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { CommonLimits, OwnCommons } from '../gateway/commons.ts'
import { type Answering, Channel } from './channel.ts'
import { Desk } from './desk.ts'
import { passLines } from './lines.ts'
import type { MetricJson } from './past-counts.ts'
import {
  type Door,
  type Hello,
  protocolVersion,
  type SupervisorAsks,
  type SupervisorSays,
  type WorkerAsks,
  type WorkerSays,
} from './protocol.ts'

/** Why a worker could not begin, as it said it. */
export class NotStarted extends Error {
  readonly exitCode: number
  constructor(text: string, exitCode: number) {
    super(text)
    this.exitCode = exitCode
  }
}

/** Milliseconds. */
const lookEvery = 5
/** The longest that the last words of one that has ended may take, in milliseconds: they are there already. */
const lastWordsMost = 5_000

/** `starting` → `ready` → `draining`, and from each of them `ended`. */
export type State = 'starting' | 'ready' | 'draining' | 'ended'

/** What a member asks of those who are not itself. */
export interface Company {
  readonly commons: OwnCommons
  readonly everywhere: Pick<Answering<WorkerAsks, WorkerSays>['asked'], 'list' | 'of' | 'metrics'> & {
    end(details: WorkerAsks['end'][0]): Promise<number>
  }
  decided(by: Member): void
  limits(limits: CommonLimits, by: Member): void
  /** Each of these ends with `\n`. */
  readonly output: { line(line: string): void; fault(line: string): void }
}

/** One worker as the supervisor sees it. */
export class Member {
  readonly number: number
  readonly startedAt = performance.now()
  /** When it takes connections. Rejects with NotStarted. */
  readonly begun: Promise<Hello>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly connections: Record<Door, number> = { ssh: 0, http: 0 }
  hasPolicy = false
  /** For turns: the greater, the later. */
  lastTook = 0
  /** As it was told last. */
  counted: readonly MetricJson[] = []
  readonly #child: ChildProcess
  readonly #channel: Channel<SupervisorAsks, SupervisorSays, WorkerAsks, WorkerSays>
  readonly #desk: Desk
  /** Connections that are on their way to it. */
  readonly #onTheWay = new Set<Socket>()
  /** What it has begun to end, and has not yet ended for the last time. */
  readonly #ending = new Map<string, WorkerAsks['end'][0]>()
  #state: State = 'starting'

  constructor(number: number, child: ChildProcess, company: Company) {
    this.number = number
    this.#child = child
    this.#desk = new Desk(company.commons)
    const begun = Promise.withResolvers<Hello>()
    this.begun = begun.promise
    this.begun.catch(() => {})
    let failed: NotStarted | undefined
    let hello: Hello | undefined
    const said: Answering<WorkerAsks, WorkerSays>['said'] = {
      ...this.#desk.said,
      hello(details) {
        hello = details
        if (details.protocol !== protocolVersion)
          failed = new NotStarted('its version takes a restart of the whole gateway', 1)
      },
      ready: ({ hasPolicy }) => {
        this.hasPolicy = hasPolicy
        if (hello === undefined || failed !== undefined) return this.kill()
        if (this.#state === 'starting') this.#state = 'ready'
        begun.resolve(hello)
      },
      policy: ({ hasPolicy }) => {
        this.hasPolicy = hasPolicy
      },
      failed: ({ text, exitCode }) => {
        failed ??= new NotStarted(text, exitCode)
      },
      limits: (limits) => company.limits(limits, this),
      decided: () => company.decided(this),
      closed: ({ ssh, http }) => {
        this.connections.ssh -= ssh
        this.connections.http -= http
      },
      drained: (counted) => {
        this.counted = counted
      },
    }
    const asked: Answering<WorkerAsks, WorkerSays>['asked'] = {
      ...this.#desk.asked,
      ...company.everywhere,
      end: (details) => {
        const key = JSON.stringify(details.whose)
        if (details.more) this.#ending.set(key, details)
        else this.#ending.delete(key)
        return company.everywhere.end(details)
      },
    }
    this.#channel = new Channel<SupervisorAsks, SupervisorSays, WorkerAsks, WorkerSays>(
      {
        send(message, socket, sent) {
          try {
            // Node.js would close it once it is acknowledged, and so never when the worker dies before that.
            child.send(message, socket, { keepOpen: true }, sent)
          } catch (fault) {
            sent(fault as Error) // a socket that has no handle any more
          }
        },
      },
      { asked, said },
    )
    child.on('message', (message, socket) => this.#channel.hear(message, socket as Socket | undefined))
    child.on('error', () => {}) // one that could not be started or told is told by its end
    if (child.stdout !== null) passLines(child.stdout, company.output.line)
    if (child.stderr !== null) passLines(child.stderr, (line) => company.output.fault(`worker ${number}: ${line}`))
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#end()
        begun.reject(failed ?? new NotStarted(`a worker ended before it was ready: ${signal ?? `code ${code}`}`, 1))
        resolve({ code, signal })
      }
      child.once('exit', async (code, signal) => {
        // What it said before its end may still be on its way: what it held, and what it left to end. (`disconnect` is not told
        // while a socket waits to be acknowledged.)
        const most = performance.now() + lastWordsMost
        while (child.connected && performance.now() < most) await wait(lookEvery)
        end(code, signal)
      })
      if (child.pid === undefined) child.once('error', (fault) => end(1, fault.message as NodeJS.Signals))
    })
  }

  get state(): State {
    return this.#state
  }

  /** What must be ended everywhere because it did not live to do so. */
  get leftToEnd(): readonly WorkerAsks['end'][0][] {
    return [...this.#ending.values()]
  }

  /** Fails when it is gone, or goes before it has answered. */
  ask<Name extends keyof SupervisorAsks & string>(
    name: Name,
    details: SupervisorAsks[Name][0],
  ): Promise<SupervisorAsks[Name][1]> {
    return this.#channel.ask(name, details)
  }

  say<Name extends Exclude<keyof SupervisorSays, 'connection'> & string>(
    name: Name,
    details: SupervisorSays[Name],
  ): void {
    this.#channel.say(name, details)
  }

  /** A connection is its own from here on. */
  take(door: Door, socket: Socket): void {
    this.connections[door]++
    this.#onTheWay.add(socket)
    this.#channel.say('connection', door, socket, () => {
      this.#onTheWay.delete(socket)
      socket.destroy() // if it was sent, one of its own is on the way to the worker
    })
  }

  drain(): void {
    if (this.#state !== 'ready') return
    this.#state = 'draining'
    this.say('drain', undefined)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #end(): void {
    this.#state = 'ended'
    this.#channel.close('the worker is gone')
    this.#desk[Symbol.dispose]()
    for (const socket of this.#onTheWay) socket.destroy()
    this.#onTheWay.clear()
  }
}
