import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'

/** What the gateway's one route leads to: whichever sshd the script at work has asked for. */
export interface ScriptedTarget extends Disposable {
  readonly port: number
}

/** `path`: the file in which sshd.sh has said how the sshd is to be started. */
export async function scriptedTarget(path: string): Promise<ScriptedTarget> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    const [first = '', ...rest] = readFileSync(path, 'utf8').trimEnd().split('\n')
    if (first === 'port') pass(socket, Number(rest[0]))
    else inherit(socket, [first, ...rest])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, [Symbol.dispose]: () => void server.close() }
}

function pass(socket: Socket, port: number): void {
  const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  target.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  socket.on('close', () => target.destroy())
  socket.pipe(target).pipe(socket)
}

/** sshd -i has the connection itself, and so sees the gateway's address. */
function inherit(socket: Socket, args: readonly string[]): void {
  spawn('/usr/sbin/sshd', args, { stdio: [socket, socket, 'ignore'] }).on('error', () => {})
  socket.destroy()
}
