import { type Address, parseAddress } from '../model/address.ts'
import { GatewayError } from '../model/errors.ts'

/** Where a TCP connection comes from. */
export interface Peer {
  readonly ip: Address
  readonly port: number
}

/** What a header of the PROXY protocol says (HAProxy, doc/proxy-protocol.txt, versions 1 and 2). */
export interface ProxyHeader {
  /** Absent: the proxy speaks for itself, or does not know. */
  readonly source?: Peer
  /** Bytes that the header takes. */
  readonly length: number
}

/** Section 2.1: the longest line, its end included. */
const lineMost = 107
/** Section 2.2 lets a header have 64 KiB; what proxies send stays below a tenth of this. */
const headerMost = 4_096
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Signature, version and command, family and protocol, length. */
const fixedPart = 16

/** Undefined: it goes on beyond these bytes. Throws PROXY_HEADER for what is no header, or one that is not taken. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length === 0) return undefined
  return bytes[0] === signature[0] ? readBinary(bytes) : readLine(bytes)
}

// Version 1: a line

function readLine(bytes: Buffer): ProxyHeader | undefined {
  const beginning = 'PROXY '.slice(0, bytes.length)
  if (bytes.toString('latin1', 0, beginning.length) !== beginning) throw invalid('does not begin as a header does')
  const end = bytes.subarray(0, lineMost).indexOf('\r\n')
  if (end < 0) {
    if (bytes.length >= lineMost) throw invalid('a line without an end')
    return undefined
  }
  const [, family = '', ...words] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { length } // whatever else the line has
  const [ip, destination, port, destinationPort, ...more] = words
  const isOne = more.length === 0 && readHost(family, destination) && readPort(destinationPort) !== undefined
  const source = { ip: readHost(family, ip), port: readPort(port) }
  if (!isOne || source.ip === undefined || source.port === undefined) throw invalid('a line that does not read')
  return { source: { ip: source.ip, port: source.port }, length }
}

function readHost(family: string, text: string | undefined): Address | undefined {
  const is6 = text?.includes(':') === true
  return text !== undefined && family === (is6 ? 'TCP6' : 'TCP4') ? parseAddress(text) : undefined
}

function readPort(text: string | undefined): number | undefined {
  return text !== undefined && /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

// Version 2: binary

/** By the byte that says family and protocol: bytes of an address. Datagrams and UNIX sockets are not taken. */
const addressBytes: Readonly<Record<number, 0 | 4 | 16>> = { 0: 0, 17: 4, 33: 16 }

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const beginning = signature.subarray(0, bytes.length)
  if (!bytes.subarray(0, beginning.length).equals(beginning)) throw invalid('does not begin as a header does')
  if (bytes.length < fixedPart) return undefined
  const [command = 0, kind = 0] = bytes.subarray(signature.length)
  const length = fixedPart + bytes.readUInt16BE(signature.length + 2)
  if (length > headerMost) throw invalid(`${length} bytes`)
  if (command !== 0x20 && command !== 0x21) throw invalid('a version or a command that nobody knows')
  const size = addressBytes[kind]
  if (size === undefined && command === 0x21) throw invalid('a family or a protocol that is not taken')
  if (bytes.length < length) return undefined
  if (command === 0x20 || size === undefined) return { length } // LOCAL: what else it says does not count
  const body = bytes.subarray(fixedPart, length)
  const ports = 2 * size
  if (body.length < ports + (size === 0 ? 0 : 4)) throw invalid('shorter than its addresses')
  checkFurther(body.subarray(ports + (size === 0 ? 0 : 4)))
  return size === 0 ? { length } : { source: readSource(body, size), length }
}

function readSource(body: Buffer, size: 4 | 16): Peer {
  const numbers = body.subarray(0, size)
  const text = size === 4 ? numbers.join('.') : (numbers.toString('hex').match(/.{4}/g) ?? []).join(':')
  const ip = parseAddress(text)
  if (ip === undefined) throw invalid('an address that is none')
  return { ip, port: body.readUInt16BE(2 * size) }
}

/** Section 2.2.8: type, length and value, to the end; none of them is used. */
function checkFurther(rest: Buffer): void {
  for (let at = 0; at < rest.length; ) {
    if (rest.length - at < 3) throw invalid('a further value without its length')
    at += 3 + rest.readUInt16BE(at + 1)
    if (at > rest.length) throw invalid('a further value beyond the end')
  }
}

const invalid = (what: string): GatewayError => new GatewayError('PROXY_HEADER', what)
