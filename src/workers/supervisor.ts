import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { CommonLimits } from '../gateway/commons.ts'
import { listening, portOf } from '../gateway/listening.ts'
import type { Log } from '../model/log.ts'
import { Crew } from './crew.ts'
import type { Company, Member, NotStarted } from './member.ts'
import { type Door, doors, type Hello } from './protocol.ts'

export interface SupervisorParts {
  readonly workers: number
  readonly listen: Hello['listen']
  readonly limits: CommonLimits
  /** Starts a worker with that number, with an IPC channel; `gone`: see Crew. */
  fork(number: number, gone: readonly number[]): ChildProcess
  readonly output: Company['output']
  readonly log: Log
}

/** Milliseconds: of a worker that dies sooner its successor waits, twice as long each time. */
const young = 30_000
const backOff = { least: 1_000, most: 30_000 }
/** Milliseconds that new workers have to become ready at a restart, and that one has beyond its grace to stop. */
const restartMost = 120_000
const stopMost = 10_000

/**
 * Listens, and hands each connection to a worker; starts another one where one dies. It carries nothing itself, and does as
 * little as can be: whatever ends it ends them all.
 */
export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #crew: Crew
  readonly #servers = new Map<Door, Server>()
  /** Who gets the connections: a place for each worker, empty while none lives there. */
  #places: Place[] = []
  #restarting: Promise<void> | undefined
  #isStopping = false
  #shutdownGrace = 0

  private constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.#crew = new Crew(parts)
  }

  /** Resolves when all workers are ready and it listens. Rejects with NotStarted, or LISTEN_FAILED: then none is left. */
  static async start(parts: SupervisorParts): Promise<Supervisor> {
    const supervisor = new Supervisor(parts)
    try {
      const started = Array.from({ length: parts.workers }, () => supervisor.#crew.start())
      const [hello] = await Promise.all(started.map(({ begun }) => begun))
      if (hello !== undefined) supervisor.#take(started, hello)
      for (const door of doors) await supervisor.#listen(door)
      return supervisor
    } catch (thrown) {
      supervisor.#isStopping = true
      await supervisor.#killAll(supervisor.#crew.members)
      throw thrown
    }
  }

  portOf(door: Door): number {
    return portOf(this.#servers.get(door))
  }

  /** Each reads its files again, those too that drain. */
  reload(): void {
    for (const member of this.#crew.members) member.say('reload', undefined)
  }

  /** New workers, of the program and the configuration as they are now, take the place of those that are here. Never rejects. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined
    })
    return this.#restarting
  }

  async #restart(): Promise<void> {
    const { log } = this.#parts
    const started: Member[] = []
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('they did not become ready in time')), restartMost)
    late.promise.catch(() => {})
    try {
      log.info({}, 'other workers are started, to take the place of these')
      // The first one says how many there are to be.
      const first = this.#crew.start()
      started.push(first)
      const hello = await Promise.race([first.begun, late.promise])
      while (!this.#isStopping && started.length < hello.workers) started.push(this.#crew.start())
      await Promise.race([Promise.all(started.map(({ begun }) => begun)), late.promise])
      if (this.#isStopping) return
      if (this.#hasPolicy && started.some(({ hasPolicy }) => !hasPolicy)) throw new Error(noPolicy)
      const old = this.#crew.members.filter((member) => !started.includes(member))
      this.#take(started, hello)
      for (const member of old) this.#drain(member)
      log.info({ workers: started.map(({ number }) => number) }, 'these workers take what comes from now on')
      this.#tellListen(hello)
    } catch (thrown) {
      if (this.#isStopping) return
      const { message } = thrown as NotStarted | Error
      for (const line of message.split('\n').slice(0, 20)) log.error({}, line)
      log.error({}, 'the workers that were to take the place of these could not be started: nothing has changed')
      await this.#killAll(started)
    } finally {
      clearTimeout(timer)
    }
  }

  #drain(member: Member): void {
    const { number: worker } = member
    if (member.state === 'starting') member.kill()
    else member.drain()
    void member.ended.then(({ code, signal }) => {
      if (this.#isStopping) return
      if (code === 0) return this.#parts.log.info({ worker }, 'a worker has carried its last session, and has ended')
      this.#crew.countExit()
      this.#parts.log.error({ worker, code, signal }, 'a worker has ended before its sessions had')
    })
  }

  #tellListen(hello: Hello): void {
    for (const door of doors) {
      const [now, next] = [this.#parts.listen[door], hello.listen[door]]
      if (now.host === next.host && now.port === next.port) continue
      this.#parts.log.warn({ listen: `${now.host}:${now.port}` }, `another ${door} address takes a restart`)
    }
  }

  /** From now on these get the connections. */
  #take(members: readonly Member[], hello: Hello): void {
    for (const place of this.#places) place.leave()
    this.#crew.limits = hello.limits
    this.#shutdownGrace = hello.shutdownGrace
    const parts = {
      log: this.#parts.log,
      died: () => this.#crew.countExit(),
      isPolicyElsewhere: () => this.#hasPolicy,
    }
    this.#places = members.map((member) => new Place(member, () => this.#crew.start(), parts))
  }

  /** Of those that get the connections one at least has a policy. */
  get #hasPolicy(): boolean {
    return this.#places.some(({ member: { state, hasPolicy } }) => state === 'ready' && hasPolicy)
  }

  async #listen(door: Door): Promise<void> {
    const address = this.#parts.listen[door]
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      this.#crew.take(
        door,
        socket,
        this.#places.map(({ member }) => member),
      ),
    )
    server.listen({ ...address })
    await listening(door === 'ssh' ? 'gateway' : 'http', address, once(server, 'listening'))
    server.on('error', ({ message }) => this.#parts.log.error({ fault: message }, `the ${door} listener met an error`))
    this.#servers.set(door, server)
  }

  /** Takes nothing more, and resolves when no worker is left; `now`: live sessions are cut. May be called again, to hurry. */
  async stop(now: boolean): Promise<void> {
    this.#isStopping = true
    for (const place of this.#places) place.leave()
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
    const members = this.#crew.members
    for (const member of members) {
      if (member.state === 'starting') member.kill()
      else member.say('stop', { now })
    }
    const timer = setTimeout(() => void this.#killAll(members), (now ? 0 : this.#shutdownGrace) + stopMost)
    await Promise.all(members.map(({ ended }) => ended))
    clearTimeout(timer)
  }

  async #killAll(members: readonly Member[]): Promise<void> {
    for (const member of members) if (member.state !== 'ended') member.kill()
    await Promise.all(members.map(({ ended }) => ended))
  }
}

/** A worker that has no policy denies everyone: of several none is let in that would do so alone. */
const noPolicy = 'without a usable policy, which the others have'

interface PlaceParts {
  readonly log: Log
  died(): void
  isPolicyElsewhere(): boolean
}

/** Where one worker is, and another one after it dies. */
class Place {
  #member: Member
  readonly #start: () => Member
  readonly #parts: PlaceParts
  #wait = backOff.least
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(member: Member, start: () => Member, parts: PlaceParts) {
    this.#member = member
    this.#start = start
    this.#parts = parts
    void member.ended.then((exit) => this.#ended(exit))
  }

  get member(): Member {
    return this.#member
  }

  /** Nobody takes this place any more. */
  leave(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #ended({ code, signal }: Awaited<Member['ended']>): void {
    if (this.#isOver) return
    const { log, died } = this.#parts
    died()
    const { number, startedAt } = this.#member
    const isYoung = performance.now() - startedAt < young
    if (!isYoung) this.#wait = backOff.least
    const wait = isYoung ? this.#wait : 0
    log.error(
      { worker: number, code, signal, wait },
      'a worker has ended, and its sessions with it: another one is started',
    )
    this.#wait = Math.min(backOff.most, this.#wait * 2)
    this.#timer = setTimeout(() => this.#startAnother(), wait)
  }

  #startAnother(): void {
    const { log, isPolicyElsewhere } = this.#parts
    const member = this.#start()
    const { number: worker } = member
    member.begun.then(
      () => {
        if (member.hasPolicy || !isPolicyElsewhere()) {
          this.#member = member
          return log.info({ worker }, 'a worker is ready, in the place of one that ended')
        }
        log.error({ worker, fault: noPolicy }, 'a worker could not be started')
        member.kill()
      },
      ({ message }: NotStarted) => {
        if (!this.#isOver) log.error({ worker, fault: message }, 'a worker could not be started')
      },
    )
    void member.ended.then((exit) => {
      this.#member = member
      this.#ended(exit)
    })
  }
}
