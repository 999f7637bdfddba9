import { GatewayError } from '../model/errors.ts'
import type { ByteString } from '../model/glob.ts'
import { type ResolvedPath, resolvePath, type SftpUse } from '../model/sftp.ts'
import { dataOf, MSG } from '../ssh/messages.ts'
import { type Due, SftpReplies } from '../ssh/sftp-replies.ts'
import { type Named, question, type SftpRequest, withPaths } from '../ssh/sftp-request.ts'
import { type Passed, type Ruling, SftpRequests } from '../ssh/sftp-requests.ts'
import type { Channel, Side } from './channel.ts'
import type { Judge, Refusal, Witness } from './verdicts.ts'

/** Files that are open at once on one channel, and requests that are unanswered: as many as sshd has descriptors. */
const openMost = 1_024

/** Bytes of a path that is kept with its handle: a longer one is none that a certificate could name. */
const pathMost = 4_096

/** Bits of `pflags` (draft-ietf-secsh-filexfer-02 section 6.3). */
const flag = { read: 1, write: 2 }

interface Opened {
  readonly path?: ByteString
  readonly writes: boolean
}

/** What passed of it unread could have been anything. */
export const begunBefore: Refusal = {
  permitted: false,
  field: 'permit-sftp@regate',
  because: 'came when the channel had been in use',
}

/** From here on what passes on the channel is looked into; or why it cannot be. */
export function lookInto(channel: Channel, judge: Judge, witness: Witness): Refusal | undefined {
  if (channel.sftp === undefined && channel.bytes.to_target > 0) return begunBefore
  channel.sftp ??= new SftpGuard(judge, (what, refusal) => witness.refused(what, refusal, channel.numbers.client))
  return undefined
}

export const noWindow: Refusal = { permitted: false, because: 'no sftp: the target takes no data' }

/** What was made of the data, or why it was no sftp. */
export function refusalOf<Made extends object>(make: () => Made): Made | Refusal {
  try {
    return make()
  } catch (thrown) {
    if (thrown instanceof GatewayError) return { permitted: false, because: thrown.message }
    throw thrown
  }
}

/**
 * An sftp session as it passes: each request is put to the certificate in force, a refused one is answered with
 * SSH_FX_PERMISSION_DENIED, and the rest goes on.
 */
export class SftpGuard {
  readonly #judge: Judge
  readonly #refused: (what: string, refusal: Refusal) => void
  readonly #requests = new SftpRequests((request, head) => this.#rule(request, head))
  readonly #replies = new SftpReplies(
    (id) => this.#take(id),
    (place) => this.#stands(place),
  )
  readonly #due = new Map<number, Due>()
  readonly #open = new Map<ByteString, Opened>()
  /** The directory from which the target counts relative paths. */
  #base: ByteString | undefined

  constructor(judge: Judge, refused: (what: string, refusal: Refusal) => void) {
    this.#judge = judge
    this.#refused = refused
  }

  /** Bytes that are kept of what came. */
  get held(): number {
    return this.#requests.held
  }

  /** What passes of a message of data, which may be changed where it lies. Throws for what is no sftp. */
  take(from: Side, message: Buffer): Passed {
    if (message[0] !== MSG.channelData) throw new GatewayError('PROTOCOL_ERROR', 'no sftp: extended data')
    const data = dataOf(message)
    return from === 'client' ? this.#requests.take(data) : this.#replies.take(data)
  }

  #take(id: number): Due | undefined {
    const due = this.#due.get(id)
    this.#due.delete(id)
    return due
  }

  #rule(request: SftpRequest, head: Buffer): Ruling {
    const { id } = request
    if (this.#due.has(id) || id === question.id) throw new GatewayError('PROTOCOL_ERROR', 'two sftp requests of one id')
    if (this.#due.size >= openMost) throw new GatewayError('RELAY_LIMIT', 'too many unanswered sftp requests')
    const ruling = this.#verdict(request, head)
    this.#due.set(id, ruling === 'refuse' ? { kind: 'refusal' } : this.#dueTo(request))
    if (request.name === 'close') for (const { text } of request.named) this.#open.delete(text)
    return ruling
  }

  /** A certificate that names no paths is not asked about any, and they stay as they are. */
  #verdict(request: SftpRequest, head: Buffer): Ruling {
    const unopened =
      request.name === 'write' && request.named.some(({ text }) => this.#open.get(text)?.writes === false)
    if (unopened) return this.#refuse(request, { permitted: false, because: 'was not opened to write' })
    if (this.#judge.permit({ kind: 'sftp', uses: usesOf(request, () => undefined) }).permitted) return 'pass'
    const uses = usesOf(request, (named) => this.#resolve(request, named).whole)
    const verdict = this.#judge.permit({ kind: 'sftp', uses })
    if (!verdict.permitted) return this.#refuse(request, verdict)
    const replaced = request.named
      .filter(({ kind }) => kind === 'path')
      .map((path) => ({ path, sent: this.#resolve(request, path).sent }))
    return replaced.every(({ path, sent }) => path.text === sent) ? 'pass' : withPaths(head, replaced)
  }

  #refuse(request: SftpRequest, refusal: Refusal): 'refuse' {
    const paths = request.named.map(({ kind, text }) => (kind === 'path' ? text : (this.#open.get(text)?.path ?? '')))
    const told = paths.map((path) => ` ${Buffer.from(path, 'latin1').toString('utf8')}`).join('')
    this.#refused(`sftp ${request.name}${told}`, refusal)
    return 'refuse'
  }

  /** A handle stands for what it was given for. */
  #resolve({ name }: SftpRequest, { kind, text }: Named): ResolvedPath {
    if (kind === 'handle') return { ...whole(this.#open.get(text)?.path), sent: text }
    if (name !== 'expand-path' || !text.startsWith('~')) return resolvePath(text, this.#base)
    // Nobody but the target knows where others are at home.
    const within = /^~(?=\/|$)/.test(text)
      ? resolvePath(text.replace('~', '.') as ByteString, this.#base).whole
      : undefined
    return { ...whole(within), sent: text }
  }

  #dueTo(request: SftpRequest): Due {
    const [first] = request.named
    if (first === undefined || (request.name !== 'open' && request.name !== 'opendir')) return { kind: 'any' }
    const path = this.#resolve(request, first).whole
    const isKept = path !== undefined && path.length <= pathMost
    const opened = { ...(isKept ? { path } : {}), writes: request.name === 'open' && writes(request) }
    return { kind: 'handle', given: (handle) => this.#opened(handle, opened) }
  }

  #opened(handle: ByteString, opened: Opened): void {
    if (this.#open.size >= openMost) throw new GatewayError('RELAY_LIMIT', 'too many files open by sftp')
    this.#open.set(handle, opened)
  }

  #stands(place: ByteString): void {
    if (place.startsWith('/')) this.#base = resolvePath(place, undefined).whole
  }
}

/** What the request does to which files, in the words in which a certificate is asked. */
function usesOf(request: SftpRequest, pathOf: (named: Named) => ByteString | undefined): SftpUse[] {
  if (request.unknown) return [{ access: 'never' }]
  if (asksWhere(request)) return []
  if (request.name === 'home-directory') return [{ access: 'look' }]
  const uses = request.named.flatMap((named) =>
    accessOf(named, request).map((access): SftpUse => ({ access, ...some(pathOf(named)) })),
  )
  if (request.name !== 'rename' && request.name !== 'posix-rename') return uses
  const [from, to] = request.named.map(pathOf)
  return [...uses, { access: 'carry', ...some(from), ...(to === undefined ? {} : { to }) }]
}

function accessOf({ access }: Named, request: SftpRequest): ('look' | 'list' | 'read' | 'write' | 'link')[] {
  if (access === 'keep') return []
  if (access !== 'open') return [access]
  return [...(reads(request) ? ['read' as const] : []), ...(writes(request) ? ['write' as const] : [])]
}

/** OpenSSH opens to read what nobody says is to be written (sftp-server.c, flags_from_portable). */
const reads = ({ flags }: SftpRequest): boolean => (flags & flag.read) !== 0 || (flags & flag.write) === 0
/** Also to append, to create, to truncate, and whatever else may come to mean something. */
const writes = ({ flags }: SftpRequest): boolean => (flags & ~flag.read) !== 0

/** To ask where one is opens nothing, and every client does. */
const asksWhere = ({ name, named: [first] }: SftpRequest): boolean =>
  name === 'realpath' && first !== undefined && /^\.?\/?$/.test(first.text) && first.text !== '/'

const some = (path: ByteString | undefined): { path?: ByteString } => (path === undefined ? {} : { path })
const whole = (path: ByteString | undefined): { whole?: ByteString } => (path === undefined ? {} : { whole: path })
