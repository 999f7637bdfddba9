import { Duplex, Writable } from 'node:stream'
import { GatewayError } from '../model/errors.ts'
import type { Leg } from './leg.ts'
import type { ChannelOpen, ChannelRequest } from './messages.ts'
import * as messages from './messages.ts'

/** What may be sent on a channel: bytes in all until more is granted, and bytes of data in one packet. */
export interface Windows {
  readonly window: number
  readonly packetMost: number
}
/** Whoever answers the requests on a channel (RFC 4254 section 6); what it does not know it refuses. */
export type Requested = (request: ChannelRequest) => boolean

/** A channel as it stands, for whoever carries it on: its numbers, and bytes that either side may still send. */
export interface Standing {
  readonly peer: number
  readonly own: number
  readonly fromPeer: Windows
  readonly toPeer: Windows
}

/** RFC 4254 section 5.2: a window may not grow beyond what a uint32 can say. */
const windowMost = 0xffff_ffff
/** Bytes of data in one packet that are sent: OpenSSH's own choice (channels.h). */
const sentMost = 32_768
/** What waits for a reader is kept in blocks: a byte in a packet of its own costs no more than a byte. */
const blockSize = 16_384

/** What is still to be sent; `left` may take several packets. */
interface Due {
  readonly kind: 'data' | 'stderr' | 'eof'
  left: Buffer
  readonly done: () => void
}

/**
 * One channel that ends here and not at a target (RFC 4254 section 5): a stream of bytes with windows of its own. What was
 * read is granted anew; who sends more than was granted is cut (WINDOW_EXCEEDED). `end` says EOF, `destroy` says CLOSE, and
 * both directions having ended says it too.
 */
export class ChannelEnd extends Duplex {
  readonly type: string
  /** Answers the peer's requests; until it is set all are refused. */
  requested: Requested = () => false
  /** Written to the peer's error output. */
  readonly stderr: Writable
  readonly #leg: Leg
  readonly #own: number
  readonly #peer: number
  readonly #windows: Windows
  readonly #peerPacketMost: number
  /** Bytes that the peer may still send, and that it may still be sent. */
  #fromPeer: number
  #toPeer: number
  #wanted = false
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  #room = 0
  readonly #due: Due[] = []
  #awaitsRoom = false
  #exitStatus: number | undefined
  #saidClose = false
  #heardEof = false
  #isLetGo = false

  constructor(leg: Leg, own: number, open: ChannelOpen, windows: Windows) {
    super({ readableHighWaterMark: 4_096, writableHighWaterMark: 65_536 })
    this.type = open.type
    this.#leg = leg
    this.#own = own
    this.#peer = open.sender
    this.#windows = windows
    this.#fromPeer = windows.window
    this.#toPeer = open.window
    this.#peerPacketMost = Math.max(1, Math.min(open.packetMost, sentMost))
    this.stderr = new Writable({
      write: (left: Buffer, _encoding, done) => this.#owe({ kind: 'stderr', left, done }),
    })
    for (const stream of [this, this.stderr]) stream.on('error', () => {}) // told by `close` as well
  }

  /** Says how the program ended and closes the channel, after all that was written. */
  exit(status: number): void {
    this.#exitStatus ??= status
    this.stderr.end(() => this.end(() => this.destroy()))
  }

  /** Somebody else carries it on: nothing more is sent from here, and nothing taken. */
  letGo(): Standing {
    this.#isLetGo = true
    this.destroy()
    return {
      peer: this.#peer,
      own: this.#own,
      fromPeer: { window: this.#fromPeer, packetMost: this.#windows.packetMost },
      toPeer: { window: this.#toPeer, packetMost: this.#peerPacketMost },
    }
  }

  // What comes from the peer

  /** `message`: CHANNEL_DATA or CHANNEL_EXTENDED_DATA with so many bytes at its end. The latter is nothing to a server. */
  data(message: Buffer, length: number): void {
    if (this.#heardEof) throw new GatewayError('PROTOCOL_ERROR', 'data after the end of data')
    this.#fromPeer -= length
    if (this.#fromPeer < 0 || length > this.#windows.packetMost)
      throw new GatewayError('WINDOW_EXCEEDED', `${length} bytes where fewer were allowed`)
    if (message[0] === messages.MSG.channelData && !this.destroyed)
      this.#keep(message.subarray(message.length - length))
    this.#give()
    this.#grant()
  }

  windowAdjust(bytes: number): void {
    this.#toPeer += bytes
    if (this.#toPeer > windowMost) throw new GatewayError('WINDOW_EXCEEDED', 'a window larger than windows can be')
    this.#flush()
  }

  request(request: ChannelRequest): void {
    const granted = !this.destroyed && this.requested(request)
    if (!request.wantReply || this.#saidClose) return
    this.#leg.answer(granted ? messages.channelSuccess(this.#peer) : messages.channelFailure(this.#peer))
  }

  eof(): void {
    if (this.#heardEof) throw new GatewayError('PROTOCOL_ERROR', 'a second end of data')
    this.#heardEof = true
    this.#give()
  }

  /** Its numbers are free from here on: if it was not said yet, CLOSE is said in turn. */
  close(): void {
    this.#heardEof = true
    this.#sayClose()
    this.destroy()
  }

  // Reading

  override _read(): void {
    this.#wanted = true
    this.#give()
  }

  override read(size?: number): unknown {
    const bytes: unknown = super.read(size)
    this.#grant()
    return bytes
  }

  #keep(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#room === 0) {
        this.#waiting.push(Buffer.allocUnsafe(blockSize))
        this.#room = blockSize
      }
      const copied = rest.copy(this.#waiting.at(-1) ?? rest, blockSize - this.#room)
      this.#room -= copied
      this.#waitingBytes += copied
      rest = rest.subarray(copied)
    }
  }

  #give(): void {
    while (this.#wanted && this.#waitingBytes > 0) {
      const block = this.#waiting.shift() ?? Buffer.alloc(0)
      const isLast = this.#waiting.length === 0
      const bytes = isLast ? block.subarray(0, blockSize - this.#room) : block
      if (isLast) this.#room = 0
      this.#waitingBytes -= bytes.length
      this.#wanted = this.push(bytes)
    }
    if (this.#heardEof && this.#waitingBytes === 0 && !this.readableEnded) this.push(null)
  }

  /** Grants what was read since, once it is worth a message. */
  #grant(): void {
    if (this.#heardEof || this.#saidClose || this.#isLetGo) return
    const read = this.#windows.window - this.#fromPeer - this.#waitingBytes - this.readableLength
    if (read < this.#windows.window / 2) return
    this.#fromPeer += read
    this.#leg.send(messages.windowAdjust(this.#peer, read))
  }

  // Writing

  override _write(left: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (left.length === 0) return done() // it says when all before it has gone
    this.#owe({ kind: 'data', left, done })
  }

  override _final(done: () => void): void {
    this.#owe({ kind: 'eof', left: Buffer.alloc(0), done })
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isLetGo) this.#sayClose()
    this.#waiting.length = this.#waitingBytes = this.#room = this.#due.length = 0
    this.stderr.destroy()
    done(error)
  }

  #sayClose(): void {
    if (this.#saidClose) return
    this.#saidClose = true
    this.#leg.send(messages.channelClose(this.#peer))
  }

  #owe(due: Due): void {
    this.#due.push(due)
    this.#flush()
  }

  /** As far as the peer's window and our memory allow. */
  #flush(): void {
    for (let [first] = this.#due; first !== undefined && !this.destroyed; [first] = this.#due) {
      if (!this.#send(first)) return
      if (first.left.length > 0) continue
      this.#due.shift()
      first.done()
    }
  }

  /** False: some of it has to wait. */
  #send(due: Due): boolean {
    if (due.kind === 'eof') {
      if (this.#exitStatus !== undefined) this.#leg.send(messages.exitStatus(this.#peer, this.#exitStatus))
      this.#leg.send(messages.channelEof(this.#peer))
      return true
    }
    const now = due.left.subarray(0, Math.min(this.#toPeer, this.#peerPacketMost))
    if (now.length < due.left.length && now.length === 0) return false
    if (!this.#leg.hasRoom) return this.#awaitRoom()
    due.left = due.left.subarray(now.length)
    this.#toPeer -= now.length
    this.#leg.send(due.kind === 'data' ? messages.channelData(this.#peer, now) : messages.stderrData(this.#peer, now))
    return true
  }

  #awaitRoom(): false {
    if (!this.#awaitsRoom)
      this.#leg.whenRoom(() => {
        this.#awaitsRoom = false
        this.#flush()
      })
    this.#awaitsRoom = true
    return false
  }
}
