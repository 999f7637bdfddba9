import { GatewayError } from '../model/errors.ts'
import { type ByteString, byteString } from '../model/glob.ts'
import { WireReader, wire } from '../model/wire.ts'

/*
 * Requests of sftp version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions to it (PROTOCOL, section 4):
 *
 *     length (4) | type (1) | id (4) | what the request is about
 */

/** Bytes that a packet has beside its length: what OpenSSH takes (SFTP_MAX_MSG_LENGTH). */
export const packetMost = 262_144
/** Of a request that is no WRITE: two paths, and attributes. */
const requestMost = 34_000
/** draft-ietf-secsh-filexfer-02 section 6.2. */
const handleMost = 256
export const version = 3

export const FXP = {
  init: 1,
  version: 2,
  close: 4,
  write: 6,
  extended: 200,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extendedReply: 201,
} as const

/** How a request uses the files that it names, one after the other; `keep`: the handle is let go. */
export type Access = 'look' | 'list' | 'read' | 'write' | 'link' | 'open' | 'keep'

type Field = 'path' | 'handle' | 'uint32' | 'uint64' | 'rest'
interface Row {
  readonly name: string
  readonly fields: readonly Field[]
  readonly access: readonly Access[]
}
const row = (name: string, fields: readonly Field[], ...access: readonly Access[]): Row => ({ name, fields, access })

/** Every request that is known; attributes are passed over. */
export const requests: Readonly<Record<number, Row>> = {
  3: row('open', ['path', 'uint32', 'rest'], 'open'),
  4: row('close', ['handle'], 'keep'),
  5: row('read', ['handle', 'uint64', 'uint32'], 'read'),
  6: row('write', ['handle', 'uint64', 'uint32'], 'write'),
  7: row('lstat', ['path'], 'look'),
  8: row('fstat', ['handle'], 'look'),
  9: row('setstat', ['path', 'rest'], 'write'),
  10: row('fsetstat', ['handle', 'rest'], 'write'),
  11: row('opendir', ['path'], 'list'),
  12: row('readdir', ['handle'], 'list'),
  13: row('remove', ['path'], 'write'),
  14: row('mkdir', ['path', 'rest'], 'write'),
  15: row('rmdir', ['path'], 'write'),
  16: row('realpath', ['path'], 'look'),
  17: row('stat', ['path'], 'look'),
  18: row('rename', ['path', 'path'], 'write', 'write'),
  19: row('readlink', ['path'], 'read'),
  20: row('symlink', ['path', 'path'], 'link', 'link'),
}
export const extensions: Readonly<Record<string, Row>> = {
  'posix-rename@openssh.com': row('posix-rename', ['path', 'path'], 'write', 'write'),
  'hardlink@openssh.com': row('hardlink', ['path', 'path'], 'link', 'link'),
  'statvfs@openssh.com': row('statvfs', ['path'], 'look'),
  'fstatvfs@openssh.com': row('fstatvfs', ['handle'], 'look'),
  'fsync@openssh.com': row('fsync', ['handle'], 'write'),
  'lsetstat@openssh.com': row('lsetstat', ['path', 'rest'], 'write'),
  'limits@openssh.com': row('limits', []),
  'expand-path@openssh.com': row('expand-path', ['path'], 'look'),
  'copy-data': row('copy-data', ['handle', 'uint64', 'uint64', 'handle', 'uint64'], 'read', 'write'),
  'home-directory': row('home-directory', ['rest']),
  'users-groups-by-id@openssh.com': row('users-groups-by-id', ['rest']),
}

/** `start`: where the string is in the packet, its length included. */
export interface Named {
  readonly access: Access
  readonly kind: 'path' | 'handle'
  readonly text: ByteString
  readonly start: number
}
export interface SftpRequest {
  readonly id: number
  /** `open`, `posix-rename`; of an extension that nobody knows the name as it came, and `unknown`. */
  readonly name: string
  readonly unknown: boolean
  readonly named: readonly Named[]
  /** The first number in it: the flags of `open`. */
  readonly flags: number
}

/**
 * How many bytes of a packet must be there before it can be judged: all of it, or of a WRITE what comes before the data.
 * Undefined when that can't be told from these. WIRE_MALFORMED for what is no sftp.
 */
export function headLength(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined
  const length = bytes.readUInt32BE()
  const type = bytes.readUInt8(4)
  if (type !== FXP.init && type !== FXP.extended && requests[type] === undefined)
    throw noSftp(`a packet of type ${type}`)
  if (length < 5 || length > packetMost) throw noSftp(`a packet of ${length} bytes`)
  if (type !== FXP.write && length > requestMost) throw noSftp(`a request of ${length} bytes`)
  if (type !== FXP.write) return 4 + length
  if (bytes.length < 13) return undefined
  const handle = bytes.readUInt32BE(9)
  const head = 13 + handle + 12
  if (handle > handleMost || head > 4 + length) throw noSftp('a WRITE without data')
  return head
}

/** Reads a packet up to its `headLength`. */
export function readRequest(head: Buffer): SftpRequest {
  const reader = new WireReader(head, 5)
  const id = reader.uint32()
  const type = head.readUInt8(4)
  const extension = type === FXP.extended ? reader.ascii() : undefined
  const known = extension === undefined ? requests[type] : Object.hasOwn(extensions, extension) && extensions[extension]
  if (!known) return { id, name: extension ?? '', unknown: true, named: [], flags: 0 }
  const named: Named[] = []
  let flags: number | undefined
  for (const field of known.fields) {
    const start = reader.position
    if (field === 'uint32') {
      const number = reader.uint32()
      flags ??= number
    } else if (field === 'uint64') reader.uint64()
    else if (field === 'rest') reader.rest()
    else named.push({ ...readNamed(field, reader), start, access: known.access[named.length] ?? 'write' })
  }
  reader.end()
  if (type === FXP.write && flags !== 4 + head.readUInt32BE() - head.length) throw noSftp('data of another length')
  return { id, name: known.name, unknown: false, named, flags: flags ?? 0 }
}

function readNamed(kind: 'path' | 'handle', reader: WireReader): Pick<Named, 'kind' | 'text'> {
  const text = byteString(reader.string())
  if (kind === 'handle' && text.length > handleMost) throw noSftp('a handle that is none')
  // Where it ends the name for one reader, it does not for another.
  if (kind === 'path' && text.includes('\0')) throw noSftp('a path with a NUL in it')
  return { kind, text }
}

/** The request with other paths in it, none of them longer. */
export function withPaths(
  head: Buffer,
  replaced: readonly { readonly path: Named; readonly sent: ByteString }[],
): Buffer {
  const parts: Buffer[] = []
  let at = 4
  for (const { path, sent } of replaced) {
    parts.push(head.subarray(at, path.start), wire(Buffer.from(sent, 'latin1')))
    at = path.start + 4 + path.text.length
  }
  return wire(Buffer.concat([...parts, head.subarray(at)]))
}

/** What the gateway asks for itself, once: the directory from which the target counts. */
export const question = { id: 0xffff_fffe, packet: wire(wire(16, { uint32: 0xffff_fffe }, '.')) } as const

/** A request that does nothing and fails: CLOSE of a handle that was never given. It is shorter than any other. */
export const harmless = (id: number): Buffer => wire(wire(FXP.close, { uint32: id }, ''))

/** No piece is larger than the other side is known to take. */
export function inPieces(bytes: Buffer, most: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += most) pieces.push(bytes.subarray(at, at + most))
  return pieces
}

export const noSftp = (what: string): GatewayError => new GatewayError('WIRE_MALFORMED', `no sftp: ${what}`)
