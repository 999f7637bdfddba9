import type { Wire } from './ssh2.ts'

/** How much may wait here for a reader before the other leg is no longer read; a chunk that is being read comes on top. */
export const unsentMost = 1024 * 1024
/** What a message that waits costs in memory beside its bytes. */
const messageOverhead = 256

/** Whoever has something for a leg, and can wait with it. */
export interface Feeder {
  pauseReading(): void
  resumeReading(): void
}

/**
 * What one leg has written and its peer has not taken yet, and who is not read meanwhile: a reader sets the pace, not our
 * memory. What is written in one turn of the event loop goes out together.
 */
export class Outflow {
  readonly #socket: Wire
  #feeders: readonly Feeder[] = []
  /** What is written waits for `flush`. */
  #isOpen = false
  #corked = false
  /** Written last, and not handed to the socket yet: what lies beside it goes out with it. */
  #run: Buffer | undefined
  #runEnd = 0
  /** Bytes that wait for the end of a key exchange. */
  #queued = 0
  /** Bytes of memory beside those of the messages that were sent since the socket last had nothing to send. */
  #beside = 0

  constructor(socket: Wire) {
    this.#socket = socket
  }

  /** Memory held by what this side has not taken yet: in the socket, and in the queue of a key exchange. */
  get unsent(): number {
    const bytes = this.#unwritten + this.#queued
    return bytes === 0 ? 0 : bytes + this.#beside
  }

  get hasRoom(): boolean {
    return this.unsent <= unsentMost
  }

  get #unwritten(): number {
    const run = this.#run
    return this.#socket.writableLength + (run === undefined ? 0 : this.#runEnd - run.byteOffset)
  }

  /** To be called before each message. `isPromised`: the caller flushes, in this turn of the event loop. */
  begin(isPromised = false): void {
    if (this.#unwritten + this.#queued === 0) this.#beside = 0
    this.#beside += messageOverhead
    if (this.#isOpen) return
    this.#isOpen = true
    if (!isPromised) process.nextTick(() => this.flush())
  }

  /** Bytes of the wire, in their order. Those that lie one beside the other in memory are written as one. */
  write(bytes: Buffer): void {
    if (this.#run?.buffer === bytes.buffer && this.#runEnd === bytes.byteOffset) {
      this.#runEnd += bytes.length
      return
    }
    if (this.#run !== undefined) this.#writeRun()
    this.#run = bytes
    this.#runEnd = bytes.byteOffset + bytes.length
    if (!this.#isOpen) this.#writeRun()
  }

  #writeRun(): void {
    const run = this.#run
    if (run === undefined) return
    this.#run = undefined
    if (!this.#socket.writable) return
    if (this.#isOpen && !this.#corked) {
      this.#corked = true
      this.#socket.cork()
    }
    const length = this.#runEnd - run.byteOffset
    this.#socket.write(length === run.length ? run : Buffer.from(run.buffer, run.byteOffset, length))
  }

  /** Hands to the socket what was written; true: all of it is on its way. */
  flush(): boolean {
    this.#isOpen = false
    this.#writeRun()
    if (this.#corked) this.#socket.uncork()
    this.#corked = false
    return this.#socket.writableLength === 0
  }

  /** The message that was begun waits for the end of a key exchange. */
  queued(bytes: number): void {
    this.#queued += bytes
  }

  /** It holds so much memory beside its own bytes. */
  beside(bytes: number): void {
    this.#beside += bytes
  }

  /** What waited for a key exchange is on its way. */
  released(): void {
    this.#queued = 0
    this.resumeFeeders()
    if (this.#feeders.length > 0) this.#whenSent()
  }

  /** `feeder` is not read until what waits here is sent, if that is too much. */
  holdBack(feeder: Feeder): void {
    if (this.hasRoom || this.#feeders.includes(feeder)) return
    if (this.#feeders.length === 0) this.#whenSent()
    this.#feeders = [...this.#feeders, feeder]
    feeder.pauseReading()
  }

  /** Calls `then` once all that is written by now has gone, or never will. */
  whenSent(then: () => void): void {
    this.#writeRun()
    const socket = this.#socket
    if (socket.writable) socket.write('', then)
    else if (socket.closed) process.nextTick(then)
    else socket.once('close', then) // it may be sending still, and a write now would end that
  }

  resumeFeeders(): void {
    if (!this.hasRoom) return
    const feeders = this.#feeders
    this.#feeders = [] // whoever is resumed may have to wait again
    for (const feeder of feeders) feeder.resumeReading()
  }

  /** An empty write is done when all before it are. (`drain` comes only after a write that was called too much.) */
  #whenSent(): void {
    this.whenSent(() => {
      this.resumeFeeders()
      const { writableLength, closed } = this.#socket
      if (this.#feeders.length > 0 && writableLength > 0 && !closed) this.#whenSent()
    })
  }
}
