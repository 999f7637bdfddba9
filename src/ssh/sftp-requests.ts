import {
  FXP,
  harmless,
  headLength,
  inPieces,
  noSftp,
  question,
  readRequest,
  type SftpRequest,
  version,
} from './sftp-request.ts'

/**
 * What becomes of data that came: passed on whole, as it was; or in these pieces. `swallowed`: bytes of it that go nowhere;
 * `added`: bytes that nobody sent.
 */
export interface Passed {
  readonly untouched: boolean
  readonly pieces: readonly Buffer[]
  readonly swallowed: number
  readonly added: number
}

/** What goes on in place of a request's head: the same, another of no more bytes, or nothing of the request. */
export type Ruling = 'pass' | 'refuse' | Buffer

/**
 * The requests of a client as they come, in pieces of any size. Each is judged once its head is there; of a WRITE's data
 * nothing is kept. In the place of a refused request goes one that is harmless and fails, so that the target answers in the
 * order in which it was asked. Behind the greeting goes the gateway's own question.
 */
export class SftpRequests {
  readonly #judge: (request: SftpRequest, head: Buffer) => Ruling
  #greeted = false
  /** Of a request whose head is not complete. */
  #head = Buffer.alloc(0)
  /** Bytes of the judged request that are still to come. */
  #body = 0
  #refusing = false
  /** Bytes of the largest piece so far: the target takes pieces of that size. */
  #largest = 0

  constructor(judge: (request: SftpRequest, head: Buffer) => Ruling) {
    this.#judge = judge
  }

  /** Bytes that are kept. */
  get held(): number {
    return this.#head.length
  }

  take(data: Buffer): Passed {
    this.#largest = Math.max(this.#largest, data.length)
    const pieces: Buffer[] = []
    let swallowed = 0
    let added = 0
    let untouched = this.#head.length === 0
    let run = 0 // where the bytes begin that pass as they are
    let at = 0
    const flush = (): void => {
      if (at > run) pieces.push(data.subarray(run, at))
    }
    while (at < data.length) {
      if (this.#body > 0) {
        const length = Math.min(this.#body, data.length - at)
        this.#body -= length
        if (this.#refusing) {
          flush()
          swallowed += length
          untouched = false
          run = at + length
        }
        at += length
        continue
      }
      const seen = this.#head.length === 0 ? data.subarray(at) : Buffer.concat([this.#head, data.subarray(at)])
      const length = headLength(seen)
      if (length === undefined || seen.length < length) {
        flush()
        this.#head = Buffer.from(seen)
        untouched = false
        run = at = data.length
        break
      }
      const head = seen.subarray(0, length)
      const held = this.#head
      const end = at + length - held.length
      this.#head = Buffer.alloc(0)
      const sent = this.#replaced(head)
      if (sent === head) {
        pieces.push(...inPieces(held, this.#largest))
        at = end
        continue
      }
      flush()
      untouched = false
      pieces.push(...inPieces(sent, this.#largest))
      if (sent.length > length) added += sent.length - length
      else swallowed += length - sent.length
      run = at = end
    }
    flush()
    return { untouched: untouched && pieces.length <= 1, pieces, swallowed, added }
  }

  /** What goes on in place of the head; the head itself when nothing is changed. */
  #replaced(head: Buffer): Buffer {
    const type = head.readUInt8(4)
    if ((type === FXP.init) === this.#greeted) throw noSftp(this.#greeted ? 'a second greeting' : 'no greeting')
    if (type === FXP.init) return this.#greeting(head)
    const request = readRequest(head)
    const ruling = this.#judge(request, head)
    this.#refusing = ruling === 'refuse'
    this.#body = 4 + head.readUInt32BE() - head.length
    return ruling === 'pass' ? head : ruling === 'refuse' ? harmless(request.id) : ruling
  }

  /** No version but this is spoken, whatever the two could agree on. */
  #greeting(head: Buffer): Buffer {
    const offered = head.readUInt32BE(5)
    if (offered < version) throw noSftp(`version ${offered}`)
    this.#greeted = true
    const greeting = Buffer.concat([head, question.packet])
    greeting.writeUInt32BE(version, 5)
    return greeting
  }
}
