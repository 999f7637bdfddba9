import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
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
    else {
      inherit(socket, [first, ...rest])
      if (existsSync(`${path}.port`)) copyFileSync(`${path}.port`, path) // a proxy command is for one connection
    }
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

/** As below a proxy command sshd -i reads a pipe, which `cat` makes (Node.js makes sockets), and so knows no address. */
function inherit(socket: Socket, args: readonly string[]): void {
  const script = 'exec /usr/sbin/sshd "$@" < <(exec cat)'
  const sshd = spawn('bash', ['-c', script, 'bash', ...args], { stdio: ['pipe', 'pipe', 'ignore'] })
  sshd.on('error', () => socket.destroy())
  sshd.stdin.on('error', () => {})
  socket.on('close', () => sshd.stdin.destroy())
  socket.pipe(sshd.stdin)
  sshd.stdout.pipe(socket)
}
