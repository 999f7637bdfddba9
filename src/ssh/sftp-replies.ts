import { type ByteString, byteString } from '../model/glob.ts'
import { WireReader } from '../model/wire.ts'
import { FXP, inPieces, noSftp, packetMost, question, version } from './sftp-request.ts'
import type { Passed } from './sftp-requests.ts'

/** What a request is answered with, as far as it matters; `handle`: of what was opened. */
export type Due =
  | { readonly kind: 'any' | 'refusal' }
  | { readonly kind: 'handle'; readonly given: (handle: ByteString) => void }

/** Replies of sftp version 3: length (4), type (1), id (4). */
const headerBytes = 9
const known: ReadonlySet<number> = new Set([
  FXP.status,
  FXP.handle,
  FXP.data,
  FXP.name,
  FXP.attributes,
  FXP.extendedReply,
])
/** SSH_FX_PERMISSION_DENIED. */
const denied = Buffer.of(0, 0, 0, 3)
/** What is written over the target's own words. */
const word = Buffer.from('refused')
const blank = 0x20
/** Bytes of a STATUS, and of a HANDLE. */
const statusMost = 4_096
const handleMost = 4 + 256
/** Bytes of the target's greeting, and of its answer to the gateway's question. */
const greetingMost = 34_000

/**
 * The replies of a target as they come, in pieces of any size. Its greeting waits for the answer to the gateway's question,
 * which goes no further; everything else passes in the bytes that it came in. The reply to what was sent in place of a
 * refused request becomes a refusal: its code is written over, and its text, without a byte more or less.
 */
export class SftpReplies {
  readonly #due: (id: number) => Due | undefined
  readonly #stands: (place: ByteString) => void
  /** What has come of the greeting, until all of it has. */
  #greeting: Buffer | undefined = Buffer.alloc(0)
  #largest = 0
  readonly #header = Buffer.alloc(headerBytes)
  #seen = 0
  #type = 0
  #answers: Due = { kind: 'any' }
  #length = 0
  #left = 0
  readonly #handle: Buffer[] = []

  /** `due` answers what is due under an id, once; undefined when nothing is. `stands` is told where the target stands. */
  constructor(due: (id: number) => Due | undefined, stands: (place: ByteString) => void) {
    this.#due = due
    this.#stands = stands
  }

  take(data: Buffer): Passed {
    this.#largest = Math.max(this.#largest, data.length)
    if (this.#greeting !== undefined) return this.#greet(Buffer.concat([this.#greeting, data]))
    this.#stream(data)
    return { untouched: true, pieces: [data], swallowed: 0, added: 0 }
  }

  #greet(seen: Buffer): Passed {
    this.#greeting = seen
    const first = packetLength(seen, 0)
    const second = first === undefined ? undefined : packetLength(seen, first)
    if (first === undefined || second === undefined) return { untouched: false, pieces: [], swallowed: 0, added: 0 }
    const agreed = seen.readUInt32BE(5)
    if (seen.readUInt8(4) !== FXP.version || agreed !== version) throw noSftp(`version ${agreed}`)
    this.#readPlace(seen.subarray(first, first + second))
    this.#greeting = undefined
    const rest = seen.subarray(first + second)
    this.#stream(rest)
    const passed = [seen.subarray(0, first), ...(rest.length === 0 ? [] : [rest])]
    return {
      untouched: false,
      pieces: passed.flatMap((part) => inPieces(part, this.#largest)),
      swallowed: second,
      added: 0,
    }
  }

  /** A target that does not say where it stands is one from which no relative path is known. */
  #readPlace(packet: Buffer): void {
    const reader = new WireReader(packet, 4)
    const type = reader.byte()
    if (reader.uint32() !== question.id || (type !== FXP.name && type !== FXP.status))
      throw noSftp('an answer to nothing')
    if (type === FXP.name && reader.uint32() > 0) this.#stands(byteString(reader.string()))
  }

  #stream(data: Buffer): void {
    let at = 0
    while (at < data.length) {
      if (this.#seen < headerBytes) {
        this.#header[this.#seen++] = data[at++] ?? 0
        if (this.#seen === headerBytes) this.#begin()
      } else {
        const part = data.subarray(at, at + this.#left)
        this.#body(part)
        this.#left -= part.length
        at += part.length
      }
      if (this.#seen === headerBytes && this.#left === 0) this.#end()
    }
  }

  #begin(): void {
    const length = this.#header.readUInt32BE()
    this.#type = this.#header.readUInt8(4)
    if (length < 5 || length > packetMost) throw noSftp(`an answer of ${length} bytes`)
    this.#left = this.#length = length - 5
    const due = known.has(this.#type) ? this.#due(this.#header.readUInt32BE(5)) : undefined
    if (due === undefined) throw noSftp('an answer to nothing')
    const isStatus = this.#type === FXP.status && this.#length >= 4 && this.#length <= statusMost
    if (due.kind === 'refusal' && !isStatus) throw noSftp('an answer that grants what was refused')
    this.#answers = due
    if (this.#givesHandle() && this.#length > handleMost) throw noSftp('a handle that is none')
  }

  #body(part: Buffer): void {
    if (this.#answers.kind === 'refusal') this.#refuse(part, this.#length - this.#left)
    else if (this.#givesHandle()) this.#handle.push(Buffer.from(part))
  }

  /** Code (4), length (4), text, and a language that stays. */
  #refuse(part: Buffer, from: number): void {
    for (let at = 0; at < part.length; at++) {
      const place = from + at
      if (place < 4) part[at] = denied[place] ?? 0
      else if (place < 8)
        this.#header[place - 4] = part[at] ?? 0 // what was in there has been read
      else if (place < 8 + this.#header.readUInt32BE()) part[at] = word[place - 8] ?? blank
    }
  }

  #givesHandle(): boolean {
    return this.#type === FXP.handle && this.#answers.kind === 'handle'
  }

  #end(): void {
    this.#seen = 0
    if (!this.#givesHandle() || this.#answers.kind !== 'handle') return
    const handle = byteString(new WireReader(Buffer.concat(this.#handle)).string())
    this.#handle.length = 0
    this.#answers.given(handle)
  }
}

/** Of the whole packet that begins there; undefined when it is not all there. */
function packetLength(bytes: Buffer, at: number): number | undefined {
  if (bytes.length < at + 4) return undefined
  const length = bytes.readUInt32BE(at)
  if (length < 5 || length > greetingMost) throw noSftp(`an answer of ${length} bytes`)
  return bytes.length < at + 4 + length ? undefined : 4 + length
}
