import { type Part, wire } from '../../src/model/wire.ts'
import { MSG } from '../../src/ssh/messages.ts'

/** A connection that is logged in, to the gateway or straight to sshd. */
export interface Line extends Disposable {
  send(message: Uint8Array): void
  next(...numbers: readonly number[]): Promise<Buffer>
}
/** What is there to be forwarded to and listened on. */
export interface Ground {
  readonly port: number
  readonly socket: string
  readonly listen: string
}
/** `yes` or `no`, and what came out, when a program ran. */
export type Answer = string
export interface Ask {
  readonly name: string
  readonly put: (line: Line, ground: Ground) => Promise<Answer>
}

const text = (bytes: Buffer): string => bytes.toString('utf8')
const number = (uint32: number) => ({ uint32 })
const wanted = { boolean: true }

/** Our number for the one channel that is open at a time. */
const ours = 7

/** The other side's number, or undefined. Whatever is forwarded to is there, so a failure is a refusal. */
async function open(line: Line, type: string, ...details: Part[]): Promise<number | undefined> {
  line.send(wire(MSG.channelOpen, type, number(ours), number(0x20_0000), number(0x8000), ...details))
  const reply = await line.next(MSG.channelOpenConfirmation, MSG.channelOpenFailure)
  return reply[0] === MSG.channelOpenConfirmation ? reply.readUInt32BE(5) : undefined
}

async function close(line: Line, channel: number): Promise<string> {
  line.send(wire(MSG.channelEof, number(channel)))
  let said = ''
  for (;;) {
    const message = await line.next(MSG.channelData, MSG.channelExtendedData, MSG.channelEof, MSG.channelClose)
    if (message[0] === MSG.channelData) said += text(message.subarray(9))
    if (message[0] === MSG.channelEof || message[0] === MSG.channelClose) {
      line.send(wire(MSG.channelClose, number(channel)))
      if (message[0] === MSG.channelEof) await line.next(MSG.channelClose)
      return said
    }
  }
}

const opens = (type: string, details: (ground: Ground) => Part[]): Ask['put'] =>
  async function put(line, ground) {
    const channel = await open(line, type, ...details(ground))
    if (channel === undefined) return 'no'
    line.send(wire(MSG.channelClose, number(channel)))
    await line.next(MSG.channelClose)
    return 'yes'
  }

const session = (name: string, ...details: Part[]): Ask['put'] =>
  async function put(line) {
    const channel = await open(line, 'session')
    if (channel === undefined) return 'no'
    line.send(wire(MSG.channelRequest, number(channel), name, wanted, ...details))
    const reply = await line.next(MSG.channelSuccess, MSG.channelFailure)
    const runs = reply[0] === MSG.channelSuccess && programs.has(name)
    if (runs) return `yes ${(await close(line, channel)).trim()}`.trim()
    line.send(wire(MSG.channelClose, number(channel)))
    await line.next(MSG.channelClose)
    return reply[0] === MSG.channelSuccess ? 'yes' : 'no'
  }
const programs = new Set(['shell', 'exec', 'subsystem'])

const global = (name: string, details: (ground: Ground) => Part[], cancel: string): Ask['put'] =>
  async function put(line, ground) {
    line.send(wire(MSG.globalRequest, name, wanted, ...details(ground)))
    const reply = await line.next(MSG.requestSuccess, MSG.requestFailure)
    if (reply[0] === MSG.requestFailure) return 'no'
    const taken = reply.length > 1 ? ['127.0.0.1', number(reply.readUInt32BE(1))] : details(ground)
    line.send(wire(MSG.globalRequest, cancel, wanted, ...taken))
    await line.next(MSG.requestSuccess, MSG.requestFailure)
    return 'yes'
  }

const modes = Buffer.of(0)
const origin: Part[] = ['127.0.0.1', number(40_000)]

/** Every kind of thing that a client may ask for (RFC 4254; OpenSSH: PROTOCOL). The last leaves no way back, and comes last. */
export const asks: readonly Ask[] = [
  { name: 'session', put: opens('session', () => []) },
  { name: 'pty-req', put: session('pty-req', 'xterm', number(80), number(24), number(0), number(0), modes) },
  { name: 'env LANG', put: session('env', 'LANG', 'C.UTF-8') },
  { name: 'env SECRET', put: session('env', 'SECRET', 'x') },
  { name: 'x11-req', put: session('x11-req', { boolean: false }, 'MIT-MAGIC-COOKIE-1', 'a'.repeat(32), number(0)) },
  { name: 'auth-agent-req', put: session('auth-agent-req@openssh.com') },
  { name: 'exec true', put: session('exec', 'true') },
  { name: 'exec echo', put: session('exec', 'echo ran') },
  { name: 'shell', put: session('shell') },
  { name: 'subsystem sftp', put: session('subsystem', 'sftp') },
  { name: 'subsystem nosuch', put: session('subsystem', 'nosuch') },
  { name: 'direct-tcpip', put: opens('direct-tcpip', ({ port }) => ['127.0.0.1', number(port), ...origin]) },
  {
    name: 'direct-streamlocal',
    put: opens('direct-streamlocal@openssh.com', ({ socket }) => [socket, '', number(0)]),
  },
  { name: 'tcpip-forward', put: global('tcpip-forward', () => ['127.0.0.1', number(0)], 'cancel-tcpip-forward') },
  {
    name: 'streamlocal-forward',
    put: global('streamlocal-forward@openssh.com', ({ listen }) => [listen], 'cancel-streamlocal-forward@openssh.com'),
  },
  { name: 'tun', put: opens('tun@openssh.com', () => [number(1), number(0x7fff_ffff)]) },
  { name: 'a channel of no known type', put: opens('nosuch@example.com', () => []) },
  { name: 'a session request of no known name', put: session('nosuch@example.com') },
  { name: 'a global request of no known name', put: global('nosuch@example.com', () => [], 'nosuch@example.com') },
]
