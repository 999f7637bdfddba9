import type { Socket } from 'node:net'

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
  readonly #socket: Socket
  readonly #feeders = new Set<Feeder>()
  #corked = false
  /** Bytes that wait for the end of a key exchange. */
  #queued = 0
  /** Bytes of memory beside those of the messages that were sent since the socket last had nothing to send. */
  #beside = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Memory held by what this side has not taken yet: in the socket, and in the queue of a key exchange. */
  get unsent(): number {
    const bytes = this.#socket.writableLength + this.#queued
    return bytes === 0 ? 0 : bytes + this.#beside
  }

  /** To be called before each message. */
  begin(): void {
    if (this.#socket.writableLength + this.#queued === 0) this.#beside = 0
    this.#beside += messageOverhead
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => this.uncork())
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
    if (this.#feeders.size > 0) this.#whenSent()
  }

  /** `feeder` is not read until what waits here is sent, if that is too much. */
  holdBack(feeder: Feeder): void {
    if (this.unsent <= unsentMost || this.#feeders.has(feeder)) return
    if (this.#feeders.size === 0) this.#whenSent()
    this.#feeders.add(feeder)
    feeder.pauseReading()
  }

  uncork(): void {
    if (this.#corked) this.#socket.uncork()
    this.#corked = false
  }

  resumeFeeders(): void {
    if (this.unsent > unsentMost) return
    const feeders = [...this.#feeders]
    this.#feeders.clear() // some have more to say than there is room for, and come back
    for (const feeder of feeders) feeder.resumeReading()
  }

  /** An empty write is done when all before it are. (`drain` comes only after a write that was called too much.) */
  #whenSent(): void {
    this.#socket.write('', () => {
      this.resumeFeeders()
      if (this.#feeders.size > 0 && this.#socket.writableLength > 0) this.#whenSent()
    })
  }
}
