import { Socket } from 'node:net'
import { PacketOpener } from './in-place.ts'
import type { Outflow } from './outflow.ts'
import type { Protocol, Wire } from './ssh2.ts'
import { notePassed } from './young-memory.ts'

/*
 * Node.js reads each chunk into memory of its own: 64 KiB from the allocator, a copy when the chunk is shorter, and garbage
 * after that; what is read is never in the processor's cache. Here a socket reads into buffers that are used again. Its
 * option `onread` does that, but for sockets that it opens alone; what that option sets is set here on any socket. Where
 * a release of Node.js keeps it elsewhere, sockets are read as ever.
 */

/** All sockets read into this one, until one has more to say; what is in it is copied out before anything else is read. */
const shared: Buffer = Buffer.allocUnsafeSlow(16 * 1024)
/** A socket that fills it gets one of this size, and keeps it while it has as much to say. */
const ownBytes = 256 * 1024
/** So many sockets may read into one at once: the others read as those do that say little. */
export const ownMost = 64
/** So many wait for the next. */
const spareMost = 8
/** Bytes of a packet that is not whole in its chunk, and that the next chunk is read behind: there is room for one of 32 KiB. */
const leftMost = ownBytes / 2
/** Milliseconds after which a buffer is taken from who reads nothing, when all are given and another has need of one. */
const idleLeast = 1_000

const spare: Buffer[] = []
const holders = new Set<ReadBuffers>()

function takeOwn(): Buffer | undefined {
  if (holders.size >= ownMost) for (const holder of holders) if (holder.yields()) break
  if (holders.size >= ownMost) return undefined
  return spare.pop() ?? Buffer.allocUnsafeSlow(ownBytes)
}

/** Nothing in it is needed any more. */
function reuse(buffer: Buffer): void {
  if (spare.length < spareMost) spare.push(buffer)
  else notePassed(buffer.length)
}

/** What the option `onread` sets (lib/net.js): the buffer, what takes a chunk, and what answers the next buffer. */
interface Insides {
  [key: symbol]: unknown
  readonly _handle?: { useUserBuffer?(buffer: Buffer): void } | null
}
const places = Object.getOwnPropertySymbols(new Socket())
const placeOf = (name: string): symbol | undefined => places.find(({ description }) => description === name)
const [bufferPlace, takePlace, nextPlace] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map(placeOf)

/** Reads the socket of one leg, whose packets go on to another. */
export class ReadBuffers {
  readonly #socket: Socket
  readonly #protocol: Protocol
  #own: Buffer | undefined
  /** What the next chunk lies behind in `#own`: the beginning of a packet. */
  #left = 0
  /** The chunk that is being looked at is in `#own`, and what is in there may be written from there. */
  #lends = false
  /** Who writes from there. */
  #borrower: Outflow | undefined
  /** Where the next chunk goes. */
  #into = shared
  #readAt = 0

  private constructor(socket: Socket, protocol: Protocol) {
    this.#socket = socket
    this.#protocol = protocol
  }

  /** Undefined: it can't be read so. */
  static of(wire: Wire, protocol: Protocol): ReadBuffers | undefined {
    const insides = wire as unknown as Insides
    if (bufferPlace === undefined || takePlace === undefined || nextPlace === undefined) return undefined
    if (!(wire instanceof Socket) || typeof insides._handle?.useUserBuffer !== 'function') return undefined
    const reading = new ReadBuffers(wire, protocol)
    insides[takePlace] = (length: number) => reading.#read(length)
    insides[nextPlace] = () => reading.#into
    insides[bufferPlace] = shared
    insides._handle.useUserBuffer(shared)
    wire.once('close', () => reading.#leave())
    return reading
  }

  /** The chunk that is being looked at is in memory that is used again. */
  get lends(): boolean {
    return this.#lends
  }

  /** Whether it has a buffer of its own. */
  get holds(): boolean {
    return this.#own !== undefined
  }

  /** Whether `to` may keep what it is handed now, unwritten, until the end of the chunk. */
  lendTo(to: Outflow): boolean {
    if (!this.#lends || (this.#borrower !== undefined && this.#borrower !== to)) return false
    this.#borrower = to
    return true
  }

  /** Gives its buffer back, if it has not been read into of late. */
  yields(): boolean {
    const insides = this.#socket as unknown as Insides
    const own = this.#own
    if (own === undefined || bufferPlace === undefined || performance.now() - this.#readAt < idleLeast) return false
    const left = this.#left
    this.#leave()
    insides[bufferPlace] = shared
    insides._handle?.useUserBuffer?.(shared)
    if (left > 0) this.#copied(own.subarray(0, left))
    return true
  }

  #read(length: number): boolean {
    const own = this.#own
    if (own !== undefined) return this.#readOwn(own, length)
    if (length === shared.length) this.#take()
    return this.#copied(shared.subarray(0, length))
  }

  #readOwn(own: Buffer, length: number): boolean {
    const opener = this.#protocol._decipher
    const end = this.#left + length
    if (length < shared.length || this.#socket.readableLength > 0 || !(opener instanceof PacketOpener)) {
      this.#leave()
      return this.#copied(own.subarray(0, end))
    }
    this.#readAt = performance.now()
    this.#lends = true
    opener.leftMost = leftMost
    try {
      this.#socket.emit('data', own.subarray(0, end))
    } finally {
      this.#lends = false
      this.#settle(own, end - opener.leave(), end)
    }
    return true
  }

  /** A buffer that is still to be written from is not read into. What is left of the chunk goes before the next. */
  #settle(own: Buffer, start: number, end: number): void {
    const borrower = this.#borrower
    this.#borrower = undefined
    if (borrower !== undefined && !borrower.flush()) {
      borrower.beside(own.length)
      borrower.whenSent(() => reuse(own))
      holders.delete(this)
      this.#take()
    }
    const next = this.#own
    if (next === undefined && end > start) this.#copied(own.subarray(start, end))
    if (next === undefined) return
    if (start > 0 || next !== own) own.copy(next, 0, start, end)
    this.#left = end - start
    this.#into = next.subarray(this.#left)
  }

  /** Handed on in memory of its own. */
  #copied(chunk: Buffer): boolean {
    const copy = Buffer.allocUnsafeSlow(chunk.length)
    copy.set(chunk)
    return this.#socket.readableLength > 0 ? this.#socket.push(copy) : this.#socket.emit('data', copy)
  }

  #take(): void {
    this.#own = takeOwn()
    this.#left = 0
    this.#into = this.#own ?? shared
    if (this.#own !== undefined) holders.add(this)
  }

  #leave(): void {
    if (this.#own === undefined) return
    reuse(this.#own)
    holders.delete(this)
    this.#own = undefined
    this.#left = 0
    this.#into = shared
  }
}
