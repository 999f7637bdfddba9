import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { type CommonLimits, OwnCommons } from '../gateway/commons.ts'
import { connectionsMost } from '../http/connections.ts'
import type { Log } from '../model/log.ts'
import { type Company, Member } from './member.ts'
import { exitsHelp, PastCounts } from './past-counts.ts'
import { type Door, doors, type WorkerAsks } from './protocol.ts'

/** Milliseconds that a worker has for an answer; then the others' is what is told. */
const patience = 5_000

export interface CrewParts {
  /** Starts a worker with that number; `gone`: numbers of those that ended, and whose sessions stand as live perhaps. */
  fork(number: number, gone: readonly number[]): ChildProcess
  readonly limits: CommonLimits
  readonly output: Company['output']
  readonly log: Log
}

/** All workers, old and new, and what is one for them all. */
export class Crew {
  readonly #parts: CrewParts
  readonly #members = new Set<Member>()
  readonly #past = new PastCounts()
  readonly #company: Company
  #limits: CommonLimits
  #count = 0
  #taken = 0
  /** Ended, and no worker that was told of them has begun since. */
  #gone: number[] = []

  constructor(parts: CrewParts) {
    this.#parts = parts
    this.#limits = parts.limits
    this.#company = {
      commons: new OwnCommons(() => this.#limits),
      everywhere: {
        end: (details) => this.#end(details),
        list: async () => (await this.#each((member) => member.ask('list', undefined))).flat(),
        of: async (person) => (await this.#each((member) => member.ask('of', person))).flat(),
        metrics: () => this.#metrics(),
      },
      decided: (by) => {
        for (const member of this.#working) if (member !== by) member.say('decided', undefined)
      },
      // One that drains may be of an older version than the file.
      limits: (limits, by) => {
        if (by.state !== 'draining') this.#limits = limits
      },
      output: parts.output,
    }
  }

  /** All that live. */
  get members(): readonly Member[] {
    return [...this.#members]
  }

  /** Those that carry something, or will soon. */
  get #working(): Member[] {
    return this.members.filter(({ state }) => state === 'ready' || state === 'draining')
  }

  set limits(limits: CommonLimits) {
    this.#limits = limits
  }

  start(): Member {
    const number = ++this.#count
    const gone = [...this.#gone]
    const member = new Member(number, this.#parts.fork(number, gone), this.#company)
    this.#members.add(member)
    member.begun.then(
      () => {
        this.#gone = this.#gone.filter((one) => !gone.includes(one))
      },
      () => {},
    )
    void member.ended.then(() => this.#leave(member))
    return member
  }

  #leave(member: Member): void {
    this.#members.delete(member)
    this.#gone.push(member.number)
    this.#past.add(member.counted)
    for (const details of member.leftToEnd) void this.#end(details)
  }

  /** To be told of a worker that was not to end. */
  countExit(): void {
    this.#past.count('regate_worker_exits_total', exitsHelp)
  }

  /** To the worker with the fewest connections of those given; closed when there is none. */
  take(door: Door, socket: Socket, from: Iterable<Member>): void {
    socket.on('error', () => {}) // before it has gone out it may fail here
    // Among equals they take turns.
    const ready = [...from].filter(({ state }) => state === 'ready')
    const [least] = ready.toSorted((a, b) => loadOf(a) - loadOf(b) || a.lastTook - b.lastTook)
    const http = this.members.reduce((sum, { connections }) => sum + connections.http, 0)
    if (least === undefined || (door === 'http' && http >= connectionsMost)) socket.destroy()
    else {
      least.lastTook = ++this.#taken
      least.take(door, socket)
    }
  }

  async #end({ why, whose }: WorkerAsks['end'][0]): Promise<number> {
    const found = await this.#each((member) => member.ask('end', { why, whose }))
    return found.reduce((sum, one) => sum + one, 0)
  }

  /** Each is counted once: as it answers now, as it was told last, or, when it has gone, among those that are past. */
  async #metrics(): Promise<WorkerAsks['metrics'][1]> {
    const past = this.#past.told()
    const told = await this.#each(
      async (member) => {
        member.counted = await member.ask('metrics', undefined)
        return member.counted
      },
      ({ counted }) => counted,
    )
    return [...told, past]
  }

  /** What all answer who carry something; of one that does not, in time, what stands for it. */
  async #each<T>(ask: (member: Member) => Promise<T>, otherwise?: (member: Member) => T): Promise<T[]> {
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => late.resolve('late'), patience)
    const answers = await Promise.all(
      this.#working.map(async (member) => {
        const answer = await Promise.race([ask(member).then((value) => ({ value })), late.promise]).catch(() => 'gone')
        if (typeof answer === 'object') return [answer.value]
        if (answer === 'late') this.#parts.log.error({ worker: member.number }, 'a worker does not answer')
        return otherwise === undefined ? [] : [otherwise(member)]
      }),
    )
    clearTimeout(timer)
    return answers.flat() as T[]
  }
}

const loadOf = ({ connections }: Member): number => doors.reduce((sum, door) => sum + connections[door], 0)
